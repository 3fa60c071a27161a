/** `ctreplay doctor`: what will limit a run on this machine. */
import type { Command } from 'commander';
import { examine } from '../doctor/examine.js';
import { findings, type Finding } from '../doctor/findings.js';
import { printable } from '../text/escape.js';

interface DoctorFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds `doctor` to the program. */
export function register(program: Command): void {
  program
    .command('doctor')
    .summary('what will limit a run on this machine, and what to do about it')
    .description(
      'Looks at cores, frequency, steal, noise, timer, scheduler statistics, memory and optional programs. Takes about a ' +
        'second. Ends with exit code 1 when something makes runs impossible.',
    )
    .option('--json', 'the findings as JSON on standard output')
    .option('--quiet', 'only what limits or blocks')
    .addHelpText('after', '\nExample:\n  ctreplay doctor')
    .action(async (flags: DoctorFlags) => {
      const found = findings(await examine());
      if (flags.json === true) process.stdout.write(`${JSON.stringify({ findings: found }, null, 2)}\n`);
      else process.stdout.write(toText(found, flags.quiet === true));
      if (found.some(({ state }) => state === 'blocks')) process.exitCode = 1;
    });
}

const MARKS: Readonly<Record<Finding['state'], string>> = { ok: 'ok', limits: 'LIMITS', blocks: 'BLOCKS' };

function toText(found: readonly Finding[], quiet: boolean): string {
  const shown = quiet ? found.filter(({ state }) => state !== 'ok') : found;
  const width = Math.max(...shown.map(({ name }) => name.length), 0) + 2;
  const lines = shown.flatMap(({ name, state, text, advice }) => [
    `${MARKS[state].padEnd(8)}${name.padEnd(width)}${printable(text)}`,
    ...(advice === null ? [] : [`${' '.repeat(8 + width)}${advice}`]),
  ]);
  const limiting = found.filter(({ state }) => state !== 'ok').length;
  if (!quiet) {
    lines.push(
      '',
      limiting === 0
        ? 'Nothing here limits a run.'
        : `${limiting} of ${found.length} findings limit what runs here can show.`,
    );
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
