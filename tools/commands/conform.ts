/** `ctreplay conform <capture...> --ovs`: the same packets through a real Open vSwitch. */
import type { Command } from 'commander';
import { designLabel } from '../../engine/host/designs.js';
import { configOf } from '../config/suggested.js';
import type { ExplainedDifference } from '../conform/explanations.js';
import { runConform, type ConformOutcome } from '../conform/run-conform.js';
import type { TraceClock } from '../oracle/capture-run.js';
import {
  addCaptureOptions,
  CAPTURE_ARGUMENT,
  filesOf,
  readingOf,
  warnOf,
  type CaptureFlags,
} from './capture-options.js';
import { designsOption, oneOf } from './option-values.js';
import { UsageError } from './usage-error.js';

interface ConformFlags extends CaptureFlags {
  readonly ovs?: boolean;
  readonly config?: string;
  readonly design: string;
  readonly clock: TraceClock;
  readonly json?: boolean;
}

/** Exit code for a difference that nothing explains. */
const EXIT_DIFFERENCE = 99;
const MAX_SHOWN = 20;
const MAX_EXPLAINED_SHOWN = 5;

/** Adds `conform` to the program. */
export function register(program: Command): void {
  const command = program
    .command('conform')
    .summary('compare with a real Open vSwitch')
    .description(
      'Runs the same packets through a private Open vSwitch (userspace datapath, virtual time; the one that may run on this ' +
        'machine is not touched) and through the designs, and compares every state, every rewritten packet and the final table. ' +
        'Exit code 99 when a difference is not explained by a known revision. Needs openvswitch-switch to be installed.',
    )
    .argument('<capture...>', `read one after the other: ${CAPTURE_ARGUMENT}`)
    .option('--ovs', 'against Open vSwitch')
    .option('--config <file>', 'configuration file (docs/config.md)')
    .option('--design <names>', 'designs, joined by commas; or all', 'all')
    .option(
      '--clock <clock>',
      'time of both trackers: capture or frozen',
      oneOf(['capture', 'frozen'] as const),
      'capture' as const,
    )
    .option('--json', 'the report as JSON on standard output')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay conform captures/conform/ftp-active-snat.pcap --config captures/conform/ftp-snat.yaml --ovs',
    )
    .action(conform);
  addCaptureOptions(command);
}

async function conform(captures: string[], flags: ConformFlags): Promise<void> {
  if (flags.ovs !== true) throw new UsageError('name what to compare with: --ovs');
  const config = configOf(flags.config, null);
  const outcome = await runConform(filesOf(captures), config, flags.clock, designsOption(flags.design), {
    ...readingOf(flags),
    tell: warnOf,
  });
  process.stdout.write(flags.json === true ? toJson(outcome) : toText(outcome));
  const differences = outcome.designs.flatMap((design) => design.differences);
  if (differences.some(({ explanation }) => explanation === null)) process.exitCode = EXIT_DIFFERENCE;
  else if (outcome.designs.every(({ compared }) => compared === 0)) {
    throw new Error('none of the packets reached the tracker of Open vSwitch, so nothing was compared');
  }
}

function toJson({ designs, ...rest }: ConformOutcome): string {
  const results = designs.map(({ design, differences, ...counts }) => ({
    design: designLabel(design),
    ...counts,
    differences: differences.map(({ outputs, ...difference }) => ({
      ...difference,
      frames: outputs?.map(({ frame }) => Buffer.from(frame).toString('hex')) ?? null,
    })),
  }));
  return `${JSON.stringify({ ...rest, results }, null, 1)}\n`;
}

function toText({ ovs, packets, connections, designs }: ConformOutcome): string {
  const lines = [ovs, `${packets} packets, ${connections} connections at the end`];
  for (const { design, compared, notCompared, agreeing, differences } of designs) {
    const left = Object.entries(notCompared).map(([reason, count]) => `; ${count} not compared: ${reason}`);
    const table = differences.filter(({ what }) => what === 'table').length;
    lines.push(
      `${designLabel(design)}: ${agreeing} of ${compared} packets agree, ` +
        (table === 0 ? 'and the table' : `${table} connections of the table differ`) +
        left.join(''),
    );
    for (const explanation of new Set(differences.map((each) => each.explanation))) {
      const group = differences.filter((each) => each.explanation === explanation);
      const most = explanation === null ? MAX_SHOWN : MAX_EXPLAINED_SHOWN;
      const entries = group[0]?.known.map((id) => ` [${id}]`).join('') ?? '';
      lines.push(`  ${explanation === null ? 'NOT EXPLAINED' : `Explained by ${explanation}${entries}`}:`);
      lines.push(...group.slice(0, most).flatMap(differenceLines));
      if (group.length > most) lines.push(`    ... and ${group.length - most} more (--json lists all)`);
    }
  }
  if (designs.some(({ differences }) => differences.some(({ known }) => known.length > 0))) {
    lines.push('Names in brackets are entries of docs/differences.md.');
  }
  return `${lines.join('\n')}\n`;
}

function differenceLines({ what, packetNumber, outputNumber, tracker, ovs }: ExplainedDifference): string[] {
  const released =
    outputNumber === null || outputNumber === packetNumber ? '' : ` (put out packet ${outputNumber})`;
  const place = packetNumber === null ? 'table at the end' : `packet ${packetNumber}${released}, ${what}`;
  return [
    `    ${place}:`,
    `      ctreplay:     ${tracker ?? 'none'}`,
    `      Open vSwitch: ${ovs ?? 'none'}`,
  ];
}
