/**
 * The flavour of the build, the injected clock, and the lock classes. `bare` compiles the lock probes and work counts away;
 * `probed` keeps them; `debug` adds lock-order checks that trap; `torture` adds steps (probe/steps.ts) and faults that can be
 * planted (probe/faults.ts).
 */

// @ts-ignore: defined by the build with --use
export const PROBED: bool = isDefined(CTREPLAY_PROBED);
// @ts-ignore: defined by the build with --use
export const DEBUG: bool = isDefined(CTREPLAY_DEBUG);
// @ts-ignore: defined by the build with --use
export const TORTURE: bool = isDefined(CTREPLAY_TORTURE);

/** Monotonic nanoseconds, injected by the host. */
// @ts-ignore: decorator
@external('env', 'clock')
export declare function clock(): f64;

/** Lock classes; the number is the index of the class's figures. */
export const LC_CT: u32 = 0;
export const LC_CONN: u32 = 1;
export const LC_RESOURCES: u32 = 2;
export const LC_FRAGMENT: u32 = 3;
export const N_LOCK_CLASSES: u32 = 4;
