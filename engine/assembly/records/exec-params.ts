/**
 * What a call to execute asks for (spec §2). PARAMS_SIZE bytes, written by the host, read-only for the engine while it runs.
 */
export const PARAMS_SIZE: usize = 160;

@unmanaged
export class ExecParams {
  /** EXEC_* bits. */
  flags: u32;
  zone: u16;
  helper: u8;
  pad0: u8;
  /** Timeout policy for connections created by this call. */
  tpId: u32;
  markValue: u32;
  markMask: u32;
  tpSrc: u16;
  tpDst: u16;
  labelLow: u64;
  labelHigh: u64;
  labelMaskLow: u64;
  labelMaskHigh: u64;
  /** NAT_* bits; 0 with EXEC_NAT is the bare request. */
  natAction: u32;
  /** Port range in host order. */
  natMinPort: u16;
  natMaxPort: u16;
  /** Address range, as in a key (network order, 16 bytes each). */
  natMinLow: u64;
  natMinHigh: u64;
  natMaxLow: u64;
  natMaxHigh: u64;
}

export const EXEC_COMMIT: u32 = 1;
export const EXEC_FORCE: u32 = 2;
export const EXEC_NAT: u32 = 4;
export const EXEC_MARK: u32 = 8;
export const EXEC_LABEL: u32 = 16;
