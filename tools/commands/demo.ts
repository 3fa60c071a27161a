/** `ctreplay demo`: the main job on the capture that comes with ctreplay, as `npm start` runs it. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { register as registerReplay } from './replay.js';
import { packageRoot } from '../report/tool-version.js';

/** Where the capture lies in the package. */
const CAPTURE = join('captures', 'office-mix.pcap');
/** Three seconds a design. Few loops: a capture in a loop re-opens its connections, and rculist-sweep keeps the old ones until it sweeps. */
const DEMO_FLAGS = ['--workers', '2', '--pps', '200k', '--loop', '20'];

/** Adds `demo` to the program; it runs `replay` of the same program with fixed arguments. */
export function register(program: Command): void {
  program
    .command('demo')
    .summary('replay the capture that comes with ctreplay through both designs')
    .description(
      `Runs: ctreplay replay ${CAPTURE} ${DEMO_FLAGS.join(' ')}. Further options are handed to replay, for example --out.`,
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', '\nExample:\n  ctreplay demo --out results/demo')
    .action(async (_flags: unknown, command: Command) => {
      const argv = ['replay', join(packageRoot(), CAPTURE), ...DEMO_FLAGS, ...command.args];
      if (!program.commands.some((each) => each.name() === 'replay')) registerReplay(program, argv);
      await program.parseAsync(argv, { from: 'user' });
    });
}
