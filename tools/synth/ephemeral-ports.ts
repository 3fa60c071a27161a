/**
 * Client ports of the scenarios: the end of the dynamic range (RFC 6335, 6). No protocol is registered there with the
 * common analysers, which otherwise take a filler payload for a damaged message of that protocol.
 */
export const FIRST_EPHEMERAL_PORT = 61_000;
export const EPHEMERAL_PORTS = 65_536 - FIRST_EPHEMERAL_PORT;
