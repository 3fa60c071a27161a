/**
 * npm run torture: threads on tiny tables, under every design, with delays and deaths at the engine's steps, for as long as wanted.
 *
 * Exit code: 0 when nothing was found (with --plant: when every planted fault was), 1 otherwise, 2 for wrong arguments.
 */
import { Command, CommanderError, Option } from 'commander';
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { designsOption, oneOf, positiveNumber, wholeNumber } from '../commands/option-values.js';
import {
  describeRound,
  everyChoice,
  FAULTS,
  planRound,
  TORTURE_MODES,
  type Fault,
  type RoundPlan,
  type RoundWishes,
  type TortureMode,
} from './torture/round-plan.js';
import { Torture, type RoundOutcome } from './torture/torture-run.js';

interface Flags {
  readonly minutes: number;
  readonly seed: number;
  readonly design?: string;
  readonly mode: TortureMode | 'both';
  readonly round?: number;
  readonly rounds?: number;
  readonly deaths: boolean;
  readonly plant?: Fault | 'all';
}

/** A parallel round is another one each time: so often it is tried again. */
const REPEATS = 200;
const REPORT_MS = 60_000;

/** Sums over rounds. */
class Tally {
  rounds = 0;
  laps = 0;
  packets = 0;
  operations = 0;
  steps = 0;
  checks = 0;
  deaths = 0;

  add(outcome: RoundOutcome): void {
    this.rounds++;
    for (const key of ['laps', 'packets', 'operations', 'steps', 'checks', 'deaths'] as const)
      this[key] += outcome[key];
  }

  get text(): string {
    const n = (value: number): string => value.toLocaleString('en');
    return (
      `${n(this.rounds)} rounds, ${n(this.packets)} packets, ${n(this.operations)} other operations, ${n(this.steps)} steps, ` +
      `${n(this.checks)} whole-structure checks, ${n(this.deaths)} deaths`
    );
  }
}

/** What a stretch of rounds came to. */
interface Found {
  readonly plan: RoundPlan;
  readonly failures: readonly string[];
}

async function main(): Promise<void> {
  const flags = readFlags(process.argv);
  if (flags === null) return;
  const designs = flags.design === undefined ? everyChoice() : designsOption(flags.design);
  const torture = new Torture();
  try {
    if (flags.plant === undefined) await search(torture, flags, designs);
    else await plant(torture, flags, designs, flags.plant);
  } finally {
    await torture.end();
  }
}

function readFlags(argv: readonly string[]): Flags | null {
  const command = new Command('torture')
    .description(
      'Threads on tables of 8 to 64 slots under every design, with delays and deaths at every step.',
    )
    .option('--minutes <n>', 'how long', positiveNumber('minutes'), 1)
    .option('--seed <n>', 'seed of everything that is drawn', wholeNumber(0, 2 ** 31 - 1, 'the seed'), 1)
    .option(
      '--design <names>',
      'designs, joined by commas, with presets as in rculist-sweep@v6; default every one',
    )
    .addOption(
      new Option('--mode <mode>', 'serial: one thread at a time, the same again each time; parallel; both')
        .argParser(oneOf([...TORTURE_MODES, 'both']))
        .default('both'),
    )
    .option(
      '--round <n>',
      'only the round of this number, to see a failure again',
      wholeNumber(0, 2 ** 31 - 1, 'rounds'),
    )
    .option('--rounds <n>', 'so many rounds at most', wholeNumber(1, 2 ** 31 - 1, 'rounds'))
    .option('--no-deaths', 'no thread dies')
    .addOption(
      new Option(
        '--plant <fault>',
        `plants a fault and expects to find it: ${Object.keys(FAULTS).join(', ')} or all`,
      ).argParser(oneOf([...(Object.keys(FAULTS) as Fault[]), 'all'])),
    )
    .exitOverride();
  try {
    return command.parse(argv).opts<Flags>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return null;
  }
}

function wishesOf(flags: Flags, designs: readonly DesignChoice[], fault: Fault | null): RoundWishes {
  const modes = flags.mode === 'both' ? TORTURE_MODES : [flags.mode];
  return { seed: flags.seed, designs, modes, deaths: flags.deaths && fault === null, fault };
}

async function search(torture: Torture, flags: Flags, designs: readonly DesignChoice[]): Promise<void> {
  const wishes = wishesOf(flags, designs, null);
  console.log(`torture: seed ${flags.seed}, ${designs.map(designLabel).join(', ')}`);
  const tally = new Tally();
  const found =
    flags.round === undefined
      ? await runRounds(torture, wishes, flags, tally)
      : await repeatRound(torture, planRound(wishes, flags.round), tally);
  console.log(`torture: ${tally.text}`);
  if (found === null) {
    console.log('torture: nothing found');
    return;
  }
  tell(found, flags);
  process.exitCode = 1;
}

/** Rounds until the time is over, or one fails. */
async function runRounds(
  torture: Torture,
  wishes: RoundWishes,
  { minutes, rounds = Infinity }: Pick<Flags, 'minutes' | 'rounds'>,
  tally: Tally,
): Promise<Found | null> {
  const start = performance.now();
  let reported = start;
  for (let round = 0; round < rounds && performance.now() - start < minutes * 60_000; round++) {
    const plan = planRound(wishes, round);
    const outcome = await torture.round(plan);
    tally.add(outcome);
    if (outcome.failures.length > 0) return { plan, failures: outcome.failures };
    if (performance.now() - reported > REPORT_MS) {
      reported = performance.now();
      console.log(`torture: ${Math.round((reported - start) / 60_000)} min: ${tally.text}`);
    }
  }
  return null;
}

/** One round again: a serial one comes out the same, a parallel one is tried many times. */
async function repeatRound(torture: Torture, plan: RoundPlan, tally: Tally): Promise<Found | null> {
  for (let again = 0; again < (plan.mode === 'serial' ? 1 : REPEATS); again++) {
    const outcome = await torture.round(plan);
    tally.add(outcome);
    if (outcome.failures.length > 0) return { plan, failures: outcome.failures };
  }
  return null;
}

function tell({ plan, failures }: Found, flags: Flags): void {
  console.log(`torture: FAILED in ${describeRound(plan)}`);
  for (const failure of failures) console.log(`  ${failure}`);
  const design = flags.design === undefined ? '' : ` --design ${flags.design}`;
  const mode = flags.mode === 'both' ? '' : ` --mode ${flags.mode}`;
  const deaths = flags.deaths ? '' : ' --no-deaths';
  const planted = flags.plant === undefined ? '' : ` --plant ${plan.fault}`;
  console.log(
    `  again: npm run torture -- --seed ${plan.seed} --round ${plan.round}${design}${mode}${deaths}${planted}` +
      (plan.mode === 'serial' ? '' : ` (parallel: tried up to ${REPEATS} times)`),
  );
}

/** Plants one fault after the other and looks how soon each is found. */
async function plant(
  torture: Torture,
  flags: Flags,
  designs: readonly DesignChoice[],
  wanted: Fault | 'all',
): Promise<void> {
  for (const fault of wanted === 'all' ? (Object.keys(FAULTS) as Fault[]) : [wanted]) {
    const wishes = wishesOf(flags, designs, fault);
    const tally = new Tally();
    const start = performance.now();
    const found =
      flags.round === undefined
        ? await runRounds(torture, wishes, flags, tally)
        : await repeatRound(torture, planRound(wishes, flags.round), tally);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (found === null) {
      console.log(`planted ${fault}: NOT found in ${seconds} s (${tally.text})`);
      process.exitCode = 1;
      continue;
    }
    console.log(`planted ${fault}: found after ${seconds} s (${tally.text})`);
    tell(found, { ...flags, plant: fault });
  }
}

await main().catch((error: unknown) => {
  console.error(`torture: ${error instanceof Error ? error.message : String(error)}`);
  const { exitCode } = error as { exitCode?: unknown };
  process.exitCode = typeof exitCode === 'number' ? exitCode : 1;
});
