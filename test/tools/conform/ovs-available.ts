import { findOvsPrograms } from '../../../tools/conform/ovs-programs.js';

/** Why tests that need Open vSwitch cannot run here; null when they can. */
export const ovsMissing: string | null = (() => {
  try {
    findOvsPrograms(process.env['PATH'] ?? '');
    return null;
  } catch (error) {
    // A machine that says it has a switch must not skip the proof.
    if (process.env['CTREPLAY_HAS_OVS'] === '1') throw error;
    return (error as Error).message;
  }
})();

/** Title suffix that says why a test is skipped. */
export function orWhySkipped(title: string, missing: string | null): string {
  return missing === null ? title : `${title} (skipped: ${missing})`;
}
