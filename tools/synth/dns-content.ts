/** DNS queries for `hXXXXXXXX.example.com` and their answers (RFC 1035), one name per flow. */
import { put16, put32 } from './headers.js';
import { mix32 } from '../random/random.js';
import type { DatagramContent } from './udp-flows.js';

const HEADER_BYTES = 12;
/** 9 bytes "hXXXXXXXX", "example", "com", each with its length, and the root. */
const NAME_BYTES = 10 + 8 + 4 + 1;
const QUERY_BYTES = HEADER_BYTES + NAME_BYTES + 4;
const ANSWER_BYTES = 16;
const DOMAIN = new TextEncoder().encode('\x07example\x03com\x00');
const HEX = new TextEncoder().encode('0123456789abcdef');

const TYPE_A = 1;
const CLASS_IN = 1;
const RECURSION_DESIRED = 0x0100;
const RESPONSE_RECURSION_AVAILABLE = 0x8180;

function writeQuestion(scratch: Uint8Array, flowIndex: number, flags: number, answers: number): number {
  put16(scratch, 0, mix32(flowIndex) & 0xffff);
  put16(scratch, 2, flags);
  put16(scratch, 4, 1);
  put16(scratch, 6, answers);
  put32(scratch, 8, 0);
  scratch[12] = 9;
  scratch[13] = 0x68;
  for (let i = 0; i < 8; i++) scratch[14 + i] = HEX[(flowIndex >>> (28 - 4 * i)) & 15]!;
  for (let i = 0; i < DOMAIN.length; i++) scratch[22 + i] = DOMAIN[i]!;
  put16(scratch, HEADER_BYTES + NAME_BYTES, TYPE_A);
  put16(scratch, HEADER_BYTES + NAME_BYTES + 2, CLASS_IN);
  return QUERY_BYTES;
}

export const dnsContent: DatagramContent = {
  maxBytes: QUERY_BYTES + ANSWER_BYTES,
  writeRequest: (scratch, flowIndex) => writeQuestion(scratch, flowIndex, RECURSION_DESIRED, 0),
  writeResponse(scratch, flowIndex) {
    const at = writeQuestion(scratch, flowIndex, RESPONSE_RECURSION_AVAILABLE, 1);
    // The name again, by a pointer to the question's.
    put16(scratch, at, 0xc000 | HEADER_BYTES);
    put16(scratch, at + 2, TYPE_A);
    put16(scratch, at + 4, CLASS_IN);
    put32(scratch, at + 6, 300);
    put16(scratch, at + 10, 4);
    // An address of TEST-NET-2 (RFC 5737).
    put32(scratch, at + 12, 0xc6336400 | (flowIndex & 0xff));
    return QUERY_BYTES + ANSWER_BYTES;
  },
};
