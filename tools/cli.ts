#!/usr/bin/env node
/** The `ctreplay` command: parses and runs the arguments, and ends when everything is told. */
import { explain, makeProgram } from './command-line.js';
import { endProgram, watchEnd } from './commands/program-end.js';

const argv = process.argv.slice(2);
watchEnd(argv);
try {
  const program = await makeProgram(argv);
  await program.parseAsync(argv, { from: 'user' });
} catch (error) {
  const { message, code } = explain(error);
  await endProgram(argv, message, code);
}
await endProgram(argv, null, 0);
