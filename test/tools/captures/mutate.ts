/** Damages files the way that transfers, disks and foes do; every damage follows from the random source. */
import type { Random } from '../../../tools/random/random.js';

/** Values at which lengths, counts and offsets tip over. */
const TIPPING = [0, 1, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0xffff, 0x1_0000, 262_144, 262_145, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/**
 * One to four damages to a copy of `bytes`: flipped bits, bytes overwritten, a 16- or 32-bit field set to a value at which
 * things tip over or moved by a little, a cut, a piece left out, doubled, or taken from another file.
 */
export function mutate(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let damaged: Buffer = Buffer.from(bytes);
  for (let left = 1 + random.below(4); left > 0 && damaged.length > 0; left -= 1) damaged = mutateOnce(damaged, other, random);
  return damaged;
}

function mutateOnce(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = place(bytes, random);
  switch (random.below(8)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      for (let index = at; index < Math.min(bytes.length, at + 1 + random.below(8)); index += 1) bytes[index] = random.below(256);
      return bytes;
    case 2:
      return setField(bytes, at, random, TIPPING[random.below(TIPPING.length)]!);
    case 3: {
      const field = Math.max(0, Math.min(bytes.length - 4, at - (at % 4)));
      if (bytes.length < 4) return bytes;
      return setField(bytes, field, random, (bytes.readUInt32LE(field) + random.below(9) - 4) >>> 0);
    }
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + random.below(64)))]);
    case 6: {
      const piece = bytes.subarray(at, at + 1 + random.below(200));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
    default: {
      const from = random.below(other.length);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + random.below(300)), bytes.subarray(at)]);
    }
  }
}

/** Somewhere, the headers at the beginning as often as everything else together. */
function place(bytes: Buffer, random: Random): number {
  return random.below(2) === 0 ? random.below(Math.min(bytes.length, 160)) : random.below(bytes.length);
}

function setField(bytes: Buffer, at: number, random: Random, value: number): Buffer {
  const width = random.below(3) === 0 ? 2 : 4;
  if (at + width > bytes.length) return bytes;
  const little = random.below(4) !== 0;
  if (width === 2) {
    if (little) bytes.writeUInt16LE(value & 0xffff, at);
    else bytes.writeUInt16BE(value & 0xffff, at);
  } else if (little) bytes.writeUInt32LE(value, at);
  else bytes.writeUInt32BE(value, at);
  return bytes;
}
