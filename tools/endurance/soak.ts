/**
 * npm run soak: a paced replay in a loop for hours; memory, table, grace backlog, pacing drift and file handles must stay where they are.
 *
 * Writes soak.csv and soak.svg. Exit code: 0 when everything is flat and the audit passes, 1 otherwise, 2 for wrong arguments.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { designLabel } from '../../engine/host/designs.js';
import { designsOption, positiveNumber, wholeNumber } from '../commands/option-values.js';
import { UsageError } from '../commands/usage-error.js';
import type { Flatness } from './soak/flatness.js';
import { makeFolder } from '../result/write-file.js';
import { runSoak, type SoakOutcome } from './soak/run-soak.js';
import { soakCsv, soakPlot } from './soak/soak-files.js';

interface Flags {
  readonly hours: number;
  readonly pps: number;
  readonly workers: number;
  readonly design: string;
  readonly scenario: string;
  readonly maxConns: number;
  readonly seed: number;
  readonly out: string;
}

const REPORT_MS = 300_000;

async function main(): Promise<void> {
  const flags = readFlags(process.argv);
  if (flags === null) return;
  const [choice, ...more] = designsOption(flags.design);
  if (choice === undefined || more.length > 0) throw new UsageError('--design: give one design');
  const label = designLabel(choice);
  // Before the hours of running, which would be lost at a path that cannot be written.
  await makeFolder(flags.out, `--out ${flags.out}`);
  console.log(`soak: ${flags.hours} h of ${flags.scenario} at ${flags.pps} packets/s through ${label}`);
  let reportedMs = 0;
  const outcome = await runSoak({
    ...flags,
    choice,
    durationMs: flags.hours * 3_600_000,
    onSample: ({ tMs, packets, rssBytes }) => {
      if (tMs - reportedMs < REPORT_MS) return;
      reportedMs = tMs;
      console.log(
        `soak: ${(tMs / 60_000).toFixed(0)} min, ${packets} packets, ${mebibytes(rssBytes)} resident`,
      );
    },
  });
  const title = `${label}: ${flags.scenario} at ${flags.pps} packets/s for ${flags.hours} h`;
  await writeFile(join(flags.out, 'soak.csv'), soakCsv(outcome.samples));
  await writeFile(join(flags.out, 'soak.svg'), soakPlot(outcome.samples, title));
  report(outcome, flags.out);
}

function readFlags(argv: readonly string[]): Flags | null {
  const command = new Command('soak')
    .description('A paced replay in a loop for hours, and whether anything grows.')
    .option('--hours <n>', 'how long; at least 0.1 for the figures to be judged', positiveNumber('hours'), 1)
    .option('--pps <n>', 'packets a second', positiveNumber('packets/s'), 5000)
    .option('--workers <n>', 'worker threads', wholeNumber(1, 64, 'workers'), 1)
    .option('--design <name>', 'one design, with a preset as in rculist-sweep@v6', 'rculist-sweep')
    .option('--scenario <name>', 'traffic; its connections must expire within minutes', 'udp-churn')
    .option('--max-conns <n>', 'connections at most', wholeNumber(1, 3_000_000, 'connections'), 500_000)
    .option('--seed <n>', 'what the traffic derives from', wholeNumber(0, 0xffff_ffff, 'seed'), 1)
    .option('--out <folder>', 'where soak.csv and soak.svg go', 'results/soak')
    .exitOverride();
  try {
    return command.parse(argv).opts<Flags>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return null;
  }
}

function report({ figures, failedChecks, packets, samples }: SoakOutcome, out: string): void {
  console.log(`soak: ${packets} packets, ${samples.length} samples in ${join(out, 'soak.csv')} and soak.svg`);
  for (const figure of figures) console.log(`  ${line(figure)}`);
  for (const { name, expected, actual } of failedChecks)
    console.log(`  audit check ${name} failed: ${expected} expected, ${actual} found`);
  if (failedChecks.length > 0 || figures.some(({ isFlat, early }) => !isFlat && early !== null))
    process.exitCode = 1;
}

function line({ rule, early, late, allowed, isFlat }: Flatness): string {
  if (early === null || late === null || allowed === null) return `${rule.name}: too few samples to say`;
  const n = (value: number): string =>
    rule.unit === 'bytes' ? mebibytes(value) : value.toLocaleString('en', { maximumFractionDigits: 1 });
  const unit = rule.unit === 'bytes' ? '' : ` ${rule.unit}`;
  const verdict = isFlat ? 'flat' : 'GROWS';
  return `${rule.name}: ${verdict}, ${n(early)} early, ${n(late)} late${unit} (growth up to ${n(allowed)} counts as none)`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

await main().catch((error: unknown) => {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  const { exitCode } = error as { exitCode?: unknown };
  process.exitCode = typeof exitCode === 'number' ? exitCode : 1;
});
