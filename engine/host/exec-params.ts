import { compareAddresses, parseAddress } from './addresses.js';
import type { EngineConstants } from './constants.js';
import type { ByteOffset } from './quantities.js';

/** A value and the bits of it that count. */
export interface Masked<T> {
  readonly value: T;
  readonly mask: T;
}

/**
 * What to translate (spec §7.1): `none` is the bare request that enables translation of known connections; `src` and
 * `dst` choose the source or destination of new ones from an address range and a port range, ends included.
 */
export type NatRequest =
  | { readonly type: 'none' }
  | {
      readonly type: 'src' | 'dst';
      readonly minAddress: string;
      /** Default: `minAddress`. */
      readonly maxAddress?: string | undefined;
      /** Port range, or one port; absent: the default windows around the original port. */
      readonly ports?: readonly [number, number] | undefined;
    };

export type Helper = 'ftp' | 'tftp';

/** What one call asks of the tracker (spec §2). Absent fields are off or zero. */
export interface ExecRequest {
  readonly zone?: number | undefined;
  readonly commit?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly nat?: NatRequest | undefined;
  readonly helper?: Helper | undefined;
  /** Timeout policy of connections that this call creates. */
  readonly timeoutPolicy?: number | undefined;
  readonly mark?: Masked<number> | undefined;
  readonly label?: Masked<bigint> | undefined;
  /** Ports of the rule that chose the packet, for the detection of helpers (spec §8.1). */
  readonly tpSrc?: number | undefined;
  readonly tpDst?: number | undefined;
}

/**
 * Writes a request where the engine reads it: PARAMS_SIZE bytes at `at`.
 * @throws RangeError for an address, port range or number out of range
 */
export function writeExecParams(
  view: DataView,
  constants: EngineConstants,
  at: ByteOffset,
  request: ExecRequest,
): void {
  const c = constants;
  new Uint8Array(view.buffer, at, c.PARAMS_SIZE).fill(0);
  let flags = 0;
  if (request.commit) flags |= c.EXEC_COMMIT;
  if (request.force) flags |= c.EXEC_FORCE;
  if (request.nat !== undefined) {
    flags |= c.EXEC_NAT;
    writeNat(view, c, at, request.nat);
  }
  if (request.mark !== undefined) {
    flags |= c.EXEC_MARK;
    view.setUint32(at + c.EP_MARK_VALUE, request.mark.value, true);
    view.setUint32(at + c.EP_MARK_MASK, request.mark.mask, true);
  }
  if (request.label !== undefined) {
    flags |= c.EXEC_LABEL;
    writeLabel(view, at + c.EP_LABEL, request.label.value);
    writeLabel(view, at + c.EP_LABEL_MASK, request.label.mask);
  }
  view.setUint32(at + c.EP_FLAGS, flags, true);
  view.setUint16(at + c.EP_ZONE, requireU16('zone', request.zone ?? 0), true);
  view.setUint8(at + c.EP_HELPER, helperCode(c, request.helper));
  view.setUint32(at + c.EP_TP_ID, request.timeoutPolicy ?? 0, true);
  view.setUint16(at + c.EP_TP_SRC, requireU16('tpSrc', request.tpSrc ?? 0), true);
  view.setUint16(at + c.EP_TP_DST, requireU16('tpDst', request.tpDst ?? 0), true);
}

function writeNat(view: DataView, c: EngineConstants, at: number, nat: NatRequest): void {
  if (nat.type === 'none') return;
  const low = parseAddress(nat.minAddress);
  const high = parseAddress(nat.maxAddress ?? nat.minAddress);
  if (low.family !== high.family) {
    throw new RangeError(`NAT address range ${nat.minAddress} to ${nat.maxAddress} mixes IP versions`);
  }
  if (compareAddresses(low, high) > 0) {
    throw new RangeError(`NAT address range ${nat.minAddress} to ${nat.maxAddress} runs backwards`);
  }
  const bytes = new Uint8Array(view.buffer);
  bytes.set(low.bytes, at + c.EP_NAT_MIN_ADDRESS);
  bytes.set(high.bytes, at + c.EP_NAT_MAX_ADDRESS);
  let action = nat.type === 'src' ? c.NAT_SRC : c.NAT_DST;
  if (nat.ports !== undefined) {
    const [first, last] = nat.ports;
    if (first > last) throw new RangeError(`NAT port range ${first} to ${last} runs backwards`);
    action |= nat.type === 'src' ? c.NAT_SRC_PORT : c.NAT_DST_PORT;
    view.setUint16(at + c.EP_NAT_MIN_PORT, requireU16('NAT port', first), true);
    view.setUint16(at + c.EP_NAT_MAX_PORT, requireU16('NAT port', last), true);
  }
  view.setUint32(at + c.EP_NAT_ACTION, action, true);
}

function writeLabel(view: DataView, at: number, value: bigint): void {
  view.setBigUint64(at, BigInt.asUintN(64, value), true);
  view.setBigUint64(at + 8, BigInt.asUintN(64, value >> 64n), true);
}

function helperCode(c: EngineConstants, helper: Helper | undefined): number {
  if (helper === undefined) return c.HELPER_NONE;
  return helper === 'ftp' ? c.HELPER_FTP : c.HELPER_TFTP;
}

function requireU16(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff) return value;
  throw new RangeError(`${name} is ${value}, not a whole number from 0 to 65535`);
}
