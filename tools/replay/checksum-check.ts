/** Refusing a capture none of whose packets the tracker would accept, before minutes are spent on replaying it. */
import { CHECKSUM_REMEDY } from '../measure/warnings.js';
import type { Input } from '../result/schema.js';
import type { PacketSource } from './packet-source.js';

/** Raised when nothing of the traffic would be accepted. */
class WrongChecksumsError extends Error {
  constructor(name: string, looked: number) {
    super(
      `${name}: all ${looked} packets looked at have wrong checksums, as captures taken on the sender or on loopback do (checksum ` +
        `offload): the tracker would find every one of them invalid. ${CHECKSUM_REMEDY}`,
    );
    this.name = 'WrongChecksumsError';
  }
}

/**
 * Looks at what was found while the traffic was read. Scenarios are let through: what they make, they mean.
 * @param ignored whether the tracker does not look at checksums
 * @throws WrongChecksumsError
 */
export function requireRightChecksums(
  { checksums }: PacketSource,
  { type, name }: Pick<Input, 'type' | 'name'>,
  ignored: boolean,
): void {
  if (ignored || type !== 'capture') return;
  const { looked, wrong } = checksums;
  if (looked > 0 && wrong === looked) throw new WrongChecksumsError(name, looked);
}
