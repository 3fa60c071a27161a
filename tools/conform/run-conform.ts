/** One comparison with a real Open vSwitch. */
import type { DesignChoice } from '../../engine/host/designs.js';
import type { BehaviourSwitches } from '../../engine/host/run-memory.js';
import type { TrackerConfig } from '../config/read-config.js';
import type { PacketReading, TraceClock } from '../oracle/capture-run.js';
import { compareRuns, type Comparison } from './compare-runs.js';
import { ConformSetupError } from './conform-error.js';
import { readConformInput, type ConformInput } from './conform-input.js';
import type { ConformRun } from './conform-run.js';
import { explainByDesign } from './design-explanation.js';
import { explainDifferences, type ExplainedDifference } from './explanations.js';
import { layerDifferences } from './layer-check.js';
import { findOvsPrograms } from './ovs-programs.js';
import { OvsSandbox } from './ovs-sandbox.js';
import { runThroughOvs } from './ovs-run.js';
import { runThroughTracker } from './tracker-run.js';

/** How a design compares. */
export interface DesignReport extends Comparison {
  readonly design: DesignChoice;
  /** In the order of the packets; the table last. */
  readonly differences: readonly ExplainedDifference[];
}

/** What was compared, and with what. */
export interface ConformOutcome {
  /** Version line of the switch. */
  readonly ovs: string;
  readonly packets: number;
  /** Connections in the switch's table at the end. */
  readonly connections: number;
  readonly designs: readonly DesignReport[];
}

/**
 * Runs packets of captures through a private Open vSwitch once, and through each design.
 * @throws OvsNotInstalledError, OvsFailedError, ConformSetupError, CaptureError, ConfigError, EngineError
 */
export async function runConform(
  captures: readonly string[],
  config: TrackerConfig,
  clock: TraceClock,
  designs: readonly DesignChoice[],
  reading: PacketReading = {},
): Promise<ConformOutcome> {
  const programs = findOvsPrograms(process.env['PATH'] ?? '');
  const input = await readConformInput(captures, config, clock, reading);
  const sandbox = await OvsSandbox.start({ programs });
  try {
    const ovs = await sandbox.version();
    const theirs = await runThroughOvs(sandbox, input);
    return {
      ovs,
      packets: input.packets.length,
      connections: theirs.table.length,
      designs: designs.map((design) => compareDesign(design, input, theirs, ovs)),
    };
  } catch (error) {
    if (!(error instanceof ConformSetupError) || config.file === null) throw error;
    throw new ConformSetupError(config.file, error.message);
  } finally {
    await sandbox.stop();
  }
}

/** Compares a design with a run through Open vSwitch that has been made. */
export function compareDesign(
  design: DesignChoice,
  input: ConformInput,
  theirs: ConformRun,
  version: string,
): DesignReport {
  const compare = (switches: BehaviourSwitches): Comparison =>
    compareRuns(runThroughTracker(design, input, theirs, switches), theirs);
  const comparison = compare({});
  const explained = explainDifferences(comparison.differences, version, compare);
  const unlike = layerDifferences(input.packets, theirs).map((each) => ({
    ...each,
    explanation: null,
    known: [],
  }));
  return {
    ...comparison,
    design,
    differences: [...unlike, ...explainByDesign(design, explained, input, theirs, version)],
  };
}
