/** TFTP requests (RFC 1350 §4; spec §8.3): the server answers from a port of its own to the port the request came from. */
import { LC_CONN } from '../../probe/counters';
import { CO_KEY, CO_LOCK, ST_RPL } from '../../records/connection';
import { K_SPORT } from '../../records/key';
import { Packet } from '../../records/packet';
import { lock, unlock } from '../../shm/mutex';
import { createExpectation } from './expectations';

/** Records that the transfer's connection goes to the port of the request as it was before translation. */
export function handleTftpRequest(p: Packet, conn: usize): void {
  lock(conn + CO_LOCK, LC_CONN);
  createExpectation(conn, load<u16>(conn, CO_KEY + K_SPORT), (p.ctState & ST_RPL) != 0);
  unlock(conn + CO_LOCK, LC_CONN);
}
