/** The commands, in the order of the help. */
import type { Command } from 'commander';

/** What a command's module exports. */
export interface CommandModule {
  readonly register: (program: Command, argv: readonly string[]) => void;
}

/** Commands in the order of the help. A command's module is loaded only when it, or the list of all, is asked for. */
export const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  replay: () => import('./replay.js'),
  bench: () => import('./bench.js'),
  advise: () => import('./advise.js'),
  'ovs-benchmark': () => import('./ovs-benchmark.js'),
  synth: () => import('./synth.js'),
  info: () => import('./info.js'),
  prep: () => import('./prep.js'),
  trace: () => import('./trace.js'),
  dump: () => import('./dump.js'),
  diff: () => import('./diff.js'),
  conform: () => import('./conform.js'),
  vectors: () => import('./vectors.js'),
  scale: () => import('./scale.js'),
  model: () => import('./model.js'),
  micro: () => import('./micro.js'),
  contention: () => import('./contention.js'),
  report: () => import('./report.js'),
  compare: () => import('./compare.js'),
  merge: () => import('./merge.js'),
  history: () => import('./history.js'),
  regress: () => import('./regress.js'),
  init: () => import('./init.js'),
  doctor: () => import('./doctor.js'),
  completion: () => import('./completion.js'),
  man: () => import('./man.js'),
  demo: () => import('./demo.js'),
};
