/** TCP header fields and flags (RFC 9293 §3.1), and the window scale option (RFC 7323 §2). */
export const TCP_HEADER_SIZE: u32 = 20;
export const TCP_SEQ: usize = 4;
export const TCP_ACK_NUMBER: usize = 8;
const TCP_DATA_OFFSET: usize = 12;
export const TCP_FLAGS: usize = 13;
export const TCP_WINDOW: usize = 14;

export const TCP_FIN: u32 = 0x01;
export const TCP_SYN: u32 = 0x02;
export const TCP_RST: u32 = 0x04;
export const TCP_PSH: u32 = 0x08;
export const TCP_ACK: u32 = 0x10;
export const TCP_URG: u32 = 0x20;

const OPTION_END: u32 = 0;
const OPTION_NOP: u32 = 1;
const OPTION_WINDOW_SCALE: u32 = 3;
const WINDOW_SCALE_OPTION_SIZE: u32 = 3;
export const MAX_WINDOW_SCALE: u32 = 14;

/** Header length in bytes as the data offset states it. */
// @ts-ignore: decorator
@inline
export function tcpHeaderLength(tcp: usize): u32 {
  return ((<u32>load<u8>(tcp, TCP_DATA_OFFSET)) >> 4) << 2;
}

/**
 * Shift of the window scale option in a header of `headerLength` bytes, at most MAX_WINDOW_SCALE, or -1 without the option.
 * The scan goes on while a whole option fits; the last one wins, and an end-of-list option ends it (spec §3, §13).
 */
export function windowScale(tcp: usize, headerLength: u32): i32 {
  let at = tcp + TCP_HEADER_SIZE;
  const end = tcp + headerLength;
  let shift = -1;
  while (at + WINDOW_SCALE_OPTION_SIZE <= end) {
    const kind = <u32>load<u8>(at);
    if (kind == OPTION_END) break;
    if (kind == OPTION_NOP) {
      at++;
      continue;
    }
    if (kind == OPTION_WINDOW_SCALE) shift = min<u32>(load<u8>(at, 2), MAX_WINDOW_SCALE);
    // A length below the option's own two bytes would never advance.
    at += max<u32>(load<u8>(at, 1), 2);
  }
  return shift;
}
