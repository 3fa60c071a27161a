/** One comparison with a real Open vSwitch. */
import type { DesignChoice } from '../../engine/host/designs.js';
import type { TrackerConfig } from '../config/read-config.js';
import { configuredTracker } from '../oracle/configured-tracker.js';
import { compareRuns, type ConformReport } from './compare-runs.js';
import { loadInput, type ConformClock } from './conform-setup.js';
import { withNumberedPorts } from './free-choices.js';
import { OvsSandbox } from './ovs-sandbox.js';
import { runThroughOvs } from './ovs-run.js';
import { trackerUnderTest } from './our-tracker.js';
import { runThroughTracker, type TrackerRun } from './tracker-run.js';

/** A design's comparison. */
export interface DesignReport {
  readonly design: DesignChoice;
  readonly report: ConformReport;
}

/** What was compared, and with what. */
export interface ConformOutcome {
  /** Version line of the switch. */
  readonly ovs: string;
  readonly designs: readonly DesignReport[];
}

/**
 * Runs packets of captures through a private Open vSwitch once, and through each design.
 * @throws OvsNotInstalledError, OvsFailedError, ConformSetupError, CaptureError, ConfigError
 */
export async function runConform(
  captures: readonly string[],
  config: TrackerConfig,
  clock: ConformClock,
  designs: readonly DesignChoice[],
): Promise<ConformOutcome> {
  const { setup, packets } = await loadInput(captures, config, clock);
  const inputs = packets.map((packet) => packet.frame);
  const numbered = (run: TrackerRun): TrackerRun => withNumberedPorts(run, setup.requests, inputs);
  const sandbox = await OvsSandbox.start();
  try {
    const ovs = await sandbox.version();
    const theirs = numbered(await runThroughOvs(sandbox, setup, packets));
    return {
      ovs,
      designs: designs.map((design) => {
        const tracker = configuredTracker(design, config, { flavour: 'debug', slabSlots: 1 << 16 });
        const ours = numbered(runThroughTracker(trackerUnderTest(tracker), setup, packets));
        return { design, report: compareRuns(ours, theirs) };
      }),
    };
  } finally {
    await sandbox.stop();
  }
}
