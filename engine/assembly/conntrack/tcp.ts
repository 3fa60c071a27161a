/**
 * TCP state machine and sequence window check (spec §3).
 *
 * The window check is the one of Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2001): each peer has the range
 * [seqlo, seqhi) that it may send in, learnt from its own segments and from what the other side acknowledges and offers.
 *
 * Protocol state: two peers of PEER_SIZE bytes, the one that opened the connection first. All of it is guarded by
 * the connection's lock; numbers are in host order, sequence numbers compare modulo 2^32.
 */
import {
  CO_PROTO_STATE,
  TM_NONE,
  TM_TCP_CLOSED,
  TM_TCP_CLOSING,
  TM_TCP_ESTABLISHED,
  TM_TCP_FIN_WAIT,
  TM_TCP_FIRST_PACKET,
  TM_TCP_OPENING,
  UPDATE_INVALID,
  UPDATE_NEW,
  UPDATE_VALID,
  UPDATE_VALID_NEW,
} from '../records/connection';
import { C_TCP_SEQ_CHECK, CONTROL } from '../records/memory-map';
import { R_TCP_FLAGS, R_TCP_HEADER, R_TCP_WINDOW } from '../records/reasons';
import { load16, load32 } from '../wire/network-order';
import {
  MAX_WINDOW_SCALE,
  TCP_ACK,
  TCP_ACK_NUMBER,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER_SIZE,
  TCP_PSH,
  TCP_RST,
  TCP_SEQ,
  TCP_SYN,
  TCP_URG,
  TCP_WINDOW,
  tcpHeaderLength,
  windowScale,
} from '../wire/tcp-header';
import { Context } from './context';

/** Layout of a peer; the two start at CO_PROTO_STATE. */
export const PEER_SIZE: usize = 12;
/** u32: next sequence number expected from the peer. */
const PEER_SEQ_LO: usize = 0;
/** u32: end of what the peer may send. */
const PEER_SEQ_HI: usize = 4;
/** u16: largest window the peer has offered, unscaled. */
const PEER_MAX_WIN: usize = 8;
/** u8: WSCALE_* bits and the shift in the low nibble. */
export const PEER_WSCALE: usize = 10;
/** u8: TCPS_*. */
export const PEER_STATE: usize = 11;

export const WSCALE_KNOWN: u32 = 0x80;
export const WSCALE_UNKNOWN: u32 = 0x40;
export const WSCALE_MASK: u32 = 0x0f;

/** States of a peer; their order matters. LISTEN 1, SYN_RECV 3, CLOSE_WAIT 5, FIN_WAIT_1 6 and LAST_ACK 8 are never taken. */
const TCPS_CLOSED: u32 = 0;
const TCPS_SYN_SENT: u32 = 2;
const TCPS_ESTABLISHED: u32 = 4;
const TCPS_CLOSING: u32 = 7;
const TCPS_FIN_WAIT_2: u32 = 9;
const TCPS_TIME_WAIT: u32 = 10;

/** How far an acknowledgement, or in the loose test a segment, may be off: the largest window and a fudge of 1500. */
const MAX_ACK_WINDOW: i32 = 0xffff + 1500;

/** What the first segment of a peer changes for the rest of its own check; see firstOfPeer. */
let firstWindow: u32 = 0;
let firstSrcShift: u32 = 0;
let firstDstShift: u32 = 0;

// @ts-ignore: decorator
@inline
function hasInvalidFlags(flags: u32): bool {
  if (flags & TCP_SYN) {
    if (flags & (TCP_RST | TCP_FIN)) return true;
  } else if ((flags & (TCP_ACK | TCP_RST)) == 0) {
    return true;
  }
  return (flags & TCP_ACK) == 0 && (flags & (TCP_FIN | TCP_PSH | TCP_URG)) != 0;
}

/** Whether `a` is at or behind `b` in sequence order. */
// @ts-ignore: decorator
@inline
function seqGreaterOrEqual(a: u32, b: u32): bool {
  return <i32>(a - b) >= 0;
}

/** `window` in units of 2^shift, rounded up. */
// @ts-ignore: decorator
@inline
function unscale(window: u32, shift: u32): u32 {
  return (window + (1 << shift) - 1) >> shift;
}

/** Sequence space the segment at Context.l4 takes: payload, SYN and FIN. */
// @ts-ignore: decorator
@inline
function segmentLength(flags: u32): u32 {
  const headerLength = tcpHeaderLength(Context.l4);
  const size = Context.l4Size;
  const payload = headerLength >= TCP_HEADER_SIZE && headerLength <= size ? size - headerLength : 0;
  return payload + ((flags >> 1) & 1) + (flags & 1);
}

/** Window scale field of a peer from the options of the segment at Context.l4: known, or 0 without the option. */
function scaleFromOptions(): u32 {
  const shift = windowScale(Context.l4, min<u32>(tcpHeaderLength(Context.l4), Context.l4Size));
  return shift < 0 ? 0 : WSCALE_KNOWN | (<u32>shift);
}

/** Whether the segment in progress may open a connection: valid flags, and not a SYN+ACK. */
export function tcpCanCreate(): bool {
  if (Context.l4Size < TCP_HEADER_SIZE) return false;
  const flags = <u32>load<u8>(Context.l4, TCP_FLAGS);
  return !hasInvalidFlags(flags) && (flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK);
}

/** Sets the state of a connection opened by the segment in progress; returns its timeout class. */
export function tcpInit(conn: usize): u32 {
  const tcp = Context.l4;
  const src = conn + CO_PROTO_STATE;
  const dst = src + PEER_SIZE;
  const flags = <u32>load<u8>(tcp, TCP_FLAGS);
  const seq = load32(tcp + TCP_SEQ);
  const scale = flags & TCP_SYN ? scaleFromOptions() : WSCALE_UNKNOWN;
  const window = max<u32>(load16(tcp + TCP_WINDOW), 1);

  store<u32>(src, seq, PEER_SEQ_LO);
  store<u32>(src, seq + segmentLength(flags) + 1, PEER_SEQ_HI);
  store<u16>(src, <u16>unscale(window, scale & WSCALE_MASK), PEER_MAX_WIN);
  store<u8>(src, <u8>scale, PEER_WSCALE);
  store<u8>(src, <u8>TCPS_SYN_SENT, PEER_STATE);

  store<u32>(dst, 0, PEER_SEQ_LO);
  store<u32>(dst, 1, PEER_SEQ_HI);
  store<u16>(dst, 1, PEER_MAX_WIN);
  store<u8>(dst, flags & TCP_SYN ? 0 : <u8>WSCALE_UNKNOWN, PEER_WSCALE);
  store<u8>(dst, <u8>TCPS_CLOSED, PEER_STATE);
  return TM_TCP_FIRST_PACKET;
}

/** Advances the state by the segment in progress (spec §3 "Update"). Precondition: conn's lock is held. */
export function tcpUpdate(conn: usize, reply: bool): u32 {
  Context.timeoutClass = TM_NONE;
  // The key says TCP, but a packet found by its recorded tuple may carry something else.
  if (Context.l4Size < TCP_HEADER_SIZE) return invalid(R_TCP_HEADER);
  const tcp = Context.l4;
  const peers = conn + CO_PROTO_STATE;
  const src = reply ? peers + PEER_SIZE : peers;
  const dst = reply ? peers : peers + PEER_SIZE;
  const flags = <u32>load<u8>(tcp, TCP_FLAGS);
  if (hasInvalidFlags(flags)) return invalid(R_TCP_FLAGS);

  let srcState = <u32>load<u8>(src, PEER_STATE);
  if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
    const update = openAgain(src, dst, srcState);
    if (update != UPDATE_INVALID) return update;
  }

  // Windows of a SYN are never scaled.
  let srcShift: u32 = 0;
  let dstShift: u32 = 0;
  if ((flags & TCP_SYN) == 0) {
    const srcScale = <u32>load<u8>(src, PEER_WSCALE);
    const dstScale = <u32>load<u8>(dst, PEER_WSCALE);
    srcShift = shiftOf(srcScale, dstScale);
    dstShift = shiftOf(dstScale, srcScale);
  }

  const originalSeq = load32(tcp + TCP_SEQ);
  let seq = originalSeq;
  let end = seq + segmentLength(flags);
  let window = load16(tcp + TCP_WINDOW);
  let checkSkew = true;
  if (srcState < TCPS_SYN_SENT) {
    checkSkew = !firstOfPeer(src, dst, flags, seq, end, window, srcShift, dstShift);
    window = firstWindow;
    srcShift = firstSrcShift;
    dstShift = firstDstShift;
    srcState = TCPS_SYN_SENT;
  }

  const srcLow = load<u32>(src, PEER_SEQ_LO);
  const srcHigh = load<u32>(src, PEER_SEQ_HI);
  const dstLow = load<u32>(dst, PEER_SEQ_LO);
  let ack = load32(tcp + TCP_ACK_NUMBER);
  // Without an acknowledgement there is none to check; some stacks send 0 in a reset that answers a SYN.
  if ((flags & TCP_ACK) == 0 || (ack == 0 && flags & TCP_RST)) ack = dstLow;
  if (seq == end) {
    // A segment without data is never out of the window.
    seq = srcLow;
    end = srcLow;
  }
  const skew = checkSkew ? <i32>(dstLow - ack) : 0;
  const dstState = <u32>load<u8>(dst, PEER_STATE);

  const inWindow =
    seqGreaterOrEqual(srcHigh, end) &&
    seqGreaterOrEqual(seq, srcLow - ((<u32>load<u16>(dst, PEER_MAX_WIN)) << dstShift)) &&
    skew >= -MAX_ACK_WINDOW &&
    skew <= MAX_ACK_WINDOW << srcShift &&
    // A reset must be at the next sequence number, give or take one.
    ((flags & TCP_RST) == 0 || originalSeq - srcLow + 1 <= 2);
  if (inWindow || atomic.load<u32>(CONTROL + C_TCP_SEQ_CHECK) == 0) {
    advanceWindows(src, dst, srcLow, end, ack, window, srcShift);
    advanceStates(src, dst, srcState, dstState, flags);
    return UPDATE_VALID;
  }

  const loosely =
    (dstState < TCPS_SYN_SENT || dstState >= TCPS_FIN_WAIT_2 || srcState >= TCPS_FIN_WAIT_2) &&
    seqGreaterOrEqual(srcHigh + MAX_ACK_WINDOW, end) &&
    seqGreaterOrEqual(seq, srcLow - MAX_ACK_WINDOW);
  if (!loosely) return invalid(R_TCP_WINDOW);
  advanceWindows(src, dst, srcLow, end, ack, window, srcShift);
  closeLoosely(src, dst, srcState, flags);
  return UPDATE_VALID;
}

/**
 * A SYN alone: it opens anew what both sides have closed, and a SYN that repeats the first one is looked at no further. Otherwise
 * returns UPDATE_INVALID: the segment is checked like any other.
 */
// @ts-ignore: decorator
@inline
function openAgain(src: usize, dst: usize, srcState: u32): u32 {
  if (srcState >= TCPS_FIN_WAIT_2 && <u32>load<u8>(dst, PEER_STATE) >= TCPS_FIN_WAIT_2) {
    store<u8>(src, <u8>TCPS_CLOSED, PEER_STATE);
    store<u8>(dst, <u8>TCPS_CLOSED, PEER_STATE);
    return UPDATE_NEW;
  }
  if (srcState > TCPS_SYN_SENT) return UPDATE_INVALID;
  store<u8>(src, <u8>TCPS_SYN_SENT, PEER_STATE);
  Context.timeoutClass = TM_TCP_FIRST_PACKET;
  return UPDATE_VALID_NEW;
}

/** Shift of one side's windows from the scale fields of both: where neither was seen, the largest one is assumed. */
// @ts-ignore: decorator
@inline
function shiftOf(own: u32, other: u32): u32 {
  const both = own & other;
  if (both & WSCALE_KNOWN) return own & WSCALE_MASK;
  return both & WSCALE_UNKNOWN ? MAX_WINDOW_SCALE : 0;
}

/**
 * Transitions of a segment that passed the loose test alone. An acknowledgement that was not checked proves nothing, so it neither
 * advances the state nor keeps the entry alive.
 */
// @ts-ignore: decorator
@inline
function closeLoosely(src: usize, dst: usize, srcState: u32, flags: u32): void {
  if (flags & TCP_FIN && srcState < TCPS_CLOSING) store<u8>(src, <u8>TCPS_CLOSING, PEER_STATE);
  if (flags & TCP_RST) {
    store<u8>(src, <u8>TCPS_TIME_WAIT, PEER_STATE);
    store<u8>(dst, <u8>TCPS_TIME_WAIT, PEER_STATE);
  }
}

function invalid(reason: u32): u32 {
  Context.reason = reason;
  return UPDATE_INVALID;
}

/**
 * First segment of `src` in this connection (spec §3 step 4). Returns whether acknowledgements go unchecked this time; leaves the
 * window and the shifts that the check goes on with in firstWindow, firstSrcShift and firstDstShift.
 */
function firstOfPeer(
  src: usize,
  dst: usize,
  flags: u32,
  seq: u32,
  end: u32,
  offered: u32,
  srcShift: u32,
  dstShift: u32,
): bool {
  let window = offered;
  const dstScale = <u32>load<u8>(dst, PEER_WSCALE);
  if (flags & TCP_SYN && dstScale & WSCALE_KNOWN) {
    const scale = scaleFromOptions();
    store<u8>(src, <u8>scale, PEER_WSCALE);
    if (scale & WSCALE_KNOWN) {
      srcShift = scale & WSCALE_MASK;
      dstShift = dstScale & WSCALE_MASK;
      window = unscale(window, srcShift);
    } else {
      // No scaling then; the window stored for the other side was divided by its shift.
      store<u16>(dst, <u16>((<u32>load<u16>(dst, PEER_MAX_WIN)) << (dstScale & WSCALE_MASK)), PEER_MAX_WIN);
      store<u8>(dst, 0, PEER_WSCALE);
    }
  }
  store<u32>(src, seq, PEER_SEQ_LO);
  store<u8>(src, <u8>TCPS_SYN_SENT, PEER_STATE);
  const reach = end + max<u32>((<u32>load<u16>(dst, PEER_MAX_WIN)) << dstShift, 1);
  const known = load<u32>(src, PEER_SEQ_HI);
  const slides = known == 1 || seqGreaterOrEqual(reach, known);
  if (slides) store<u32>(src, reach, PEER_SEQ_HI);
  if (window > <u32>load<u16>(src, PEER_MAX_WIN)) store<u16>(src, <u16>window, PEER_MAX_WIN);
  firstWindow = window;
  firstSrcShift = srcShift;
  firstDstShift = dstShift;
  return slides;
}

/** What an accepted segment teaches about both ranges. */
// @ts-ignore: decorator
@inline
function advanceWindows(
  src: usize,
  dst: usize,
  srcLow: u32,
  end: u32,
  ack: u32,
  window: u32,
  srcShift: u32,
): void {
  if (<u32>load<u16>(src, PEER_MAX_WIN) < window) store<u16>(src, <u16>window, PEER_MAX_WIN);
  if (<i32>(end - srcLow) > 0) store<u32>(src, end, PEER_SEQ_LO);
  const scaled = window << srcShift;
  if (seqGreaterOrEqual(ack + scaled, load<u32>(dst, PEER_SEQ_HI))) {
    store<u32>(dst, ack + max<u32>(scaled, 1), PEER_SEQ_HI);
  }
}

/** Transitions of a segment that passed the strict test, and the timeout class they lead to. */
// @ts-ignore: decorator
@inline
function advanceStates(src: usize, dst: usize, srcBefore: u32, dstBefore: u32, flags: u32): void {
  let srcState = srcBefore;
  let dstState = dstBefore;
  if (flags & TCP_FIN && srcState < TCPS_CLOSING) srcState = TCPS_CLOSING;
  if (flags & TCP_ACK) {
    if (dstState == TCPS_SYN_SENT) dstState = TCPS_ESTABLISHED;
    else if (dstState == TCPS_CLOSING) dstState = TCPS_FIN_WAIT_2;
  }
  if (flags & TCP_RST) {
    srcState = TCPS_TIME_WAIT;
    dstState = TCPS_TIME_WAIT;
  }
  if (srcState != srcBefore) store<u8>(src, <u8>srcState, PEER_STATE);
  if (dstState != dstBefore) store<u8>(dst, <u8>dstState, PEER_STATE);
  Context.timeoutClass = timeoutClassOf(srcState, dstState);
}

// @ts-ignore: decorator
@inline
function timeoutClassOf(a: u32, b: u32): u32 {
  const least = min<u32>(a, b);
  if (least >= TCPS_FIN_WAIT_2) return TM_TCP_CLOSED;
  if (least >= TCPS_CLOSING) return TM_TCP_FIN_WAIT;
  if (least < TCPS_ESTABLISHED) return TM_TCP_OPENING;
  return max<u32>(a, b) >= TCPS_CLOSING ? TM_TCP_CLOSING : TM_TCP_ESTABLISHED;
}
