/** What the tracker does with application control packets (spec §2 steps f and l). */
import { CO_ALG, HELPER_FTP, HELPER_NONE } from '../../records/connection';
import { ExecParams } from '../../records/exec-params';
import { Packet } from '../../records/packet';
import { handleFtpMessage } from './ftp';
import { handleTftpRequest } from './tftp';

export { adjustFtpSequence } from './ftp';

/**
 * Last step of a control packet: expectations and payload translation, when its connection (0 = none) keeps a helper.
 * `control` is what algControl said. The connection's lock must not be held.
 */
export function handleAlgControl(
  p: Packet,
  conn: usize,
  control: u32,
  params: ExecParams,
  now: i64,
  nat: bool,
): void {
  if (conn == 0 || load<u8>(conn, CO_ALG) == HELPER_NONE) return;
  if (control == HELPER_FTP) handleFtpMessage(p, conn, now, nat);
  else handleTftpRequest(p, conn);
}
