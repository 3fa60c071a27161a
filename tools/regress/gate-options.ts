/** What the gate and its levels are run with, and what they find. */
import type { InputLoader } from '../bench/replay-runner.js';
import type { Check } from './check.js';
import type { RegressConfig } from './regress-config.js';

/** The parts of the gate by name. */
export const GATE_LEVELS = ['exact', 'ratios', 'against'] as const;
export type GateLevel = (typeof GATE_LEVELS)[number];

/** What a gate is run with. */
export interface GateOptions {
  readonly config: RegressConfig;
  readonly levels: ReadonlySet<GateLevel>;
  /** Folder of the committed baseline. */
  readonly baseline: string;
  /** Git ref of level 3. */
  readonly against: string | null;
  /** Write the baseline instead of comparing with it. */
  readonly update: boolean;
  /** Measure once more, with twice the rounds, what stayed inconclusive. */
  readonly rerunInconclusive: boolean;
  readonly load: InputLoader;
  /** Compiled command line of this ctreplay. */
  readonly cli: string;
  /** File of the process that a regression of level 3 is confirmed in. */
  readonly againstEntry: string;
  /** File of the process that a session of level 2 runs in. */
  readonly sessionFile: string;
  readonly commandLine: readonly string[];
  /** Folder from which the git repository is looked for. */
  readonly cwd: string;
  /** Told what happens now, in one line. */
  readonly onProgress: (text: string) => void;
}

/** What one level is run with. */
export interface LevelOptions extends Omit<GateOptions, 'levels' | 'rerunInconclusive'> {
  /** Names of the checks to measure again; null = all there are. */
  readonly only: ReadonlySet<string> | null;
}

/** What it found, and what it ran on. */
export interface GateFindings {
  readonly checks: readonly Check[];
  readonly facts: readonly string[];
  /** Files written by an update. */
  readonly written: readonly string[];
}
