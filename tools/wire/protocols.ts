/** Protocol numbers that more than one tool looks at (IANA, protocol-numbers). */
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_DCCP = 33;
export const PROTOCOL_ICMPV6 = 58;
const PROTOCOL_SCTP = 132;
export const PROTOCOL_UDP_LITE = 136;

/** Protocols whose header starts with two 16-bit ports. */
export const PROTOCOLS_WITH_PORTS: ReadonlySet<number> = new Set([
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_DCCP,
  PROTOCOL_SCTP,
  PROTOCOL_UDP_LITE,
]);
