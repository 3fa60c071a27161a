/** Differences that a design has from Open vSwitch because it expires connections in another way. */
import { traitsOf } from '../../engine/host/design-traits.js';
import { DEFAULT_DESIGN, type DesignChoice } from '../../engine/host/designs.js';
import { Differ } from '../oracle/differ.js';
import { compareRuns } from './compare-runs.js';
import type { ConformInput } from './conform-input.js';
import type { ConformRun } from './conform-run.js';
import type { ExplainedDifference } from './explanations.js';
import { isSince } from './release.js';
import { runThroughTracker } from './tracker-run.js';

/** The design of Open vSwitch, and the first release that has it. */
const OVS_DESIGN: DesignChoice = { design: DEFAULT_DESIGN, preset: traitsOf(DEFAULT_DESIGN).recordedPreset };
const OVS_DESIGN_SINCE = [[3, 0, 0]] as const;
const NS_PER_MS = 1_000_000n;

export const BY_DESIGN =
  `the design: ${DEFAULT_DESIGN}, the design of this Open vSwitch, agrees with it here, and what the two designs differ in ` +
  'comes from expired connections (ctreplay diff)';

/**
 * Explains what is left by the design: where our own form of Open vSwitch's design agrees with it, and everything in which
 * the two designs differ on these packets comes from how they keep expired connections.
 */
export function explainByDesign(
  design: DesignChoice,
  differences: readonly ExplainedDifference[],
  input: ConformInput,
  theirs: ConformRun,
  version: string,
): ExplainedDifference[] {
  const nothingLeft = differences.every(({ explanation }) => explanation !== null);
  if (nothingLeft || design.design === OVS_DESIGN.design || !isSince(version, OVS_DESIGN_SINCE)) {
    return [...differences];
  }
  const same = compareRuns(runThroughTracker(OVS_DESIGN, input, theirs), theirs);
  const alsoThere = new Set(same.differences.map(({ place }) => place));
  const packets = input.packets.map(({ frame, timestampMs }, index) => ({
    frame,
    packetNumber: index + 1,
    timestampNs: BigInt(timestampMs) * NS_PER_MS,
  }));
  if (new Differ([design, OVS_DESIGN], input.config).compare(packets).unexplained !== null) {
    return [...differences];
  }
  return differences.map((each) =>
    each.explanation !== null || alsoThere.has(each.place) ? each : { ...each, explanation: BY_DESIGN },
  );
}
