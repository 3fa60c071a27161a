/** `ctreplay conform <capture...> --ovs`: the same packets through a real Open vSwitch. */
import type { Command } from 'commander';
import { designLabel } from '../../engine/host/designs.js';
import { DEFAULT_CONFIG, readConfig } from '../config/read-config.js';
import type { ConformReport } from '../conform/compare-runs.js';
import type { ConformClock } from '../conform/conform-setup.js';
import { runConform, type ConformOutcome } from '../conform/run-conform.js';
import { designsOption, oneOf } from './option-values.js';
import { UsageError } from './usage-error.js';

interface ConformFlags {
  readonly ovs?: boolean;
  readonly config?: string;
  readonly design: string;
  readonly clock: ConformClock;
  readonly json?: boolean;
}

/** Exit code for a difference that nothing explains. */
const EXIT_DIFFERENCE = 99;
const MAX_SHOWN = 20;

/** Adds `conform` to the program. */
export function register(program: Command): void {
  program
    .command('conform')
    .summary('compare with a real Open vSwitch')
    .description(
      'Runs the same packets through a private Open vSwitch (userspace datapath, virtual time; the one that may run on this ' +
        'machine is not touched) and through the designs, and compares every state, every rewritten packet and the final table. ' +
        'Exit code 99 when a difference is not explained by a known revision. Needs openvswitch-switch to be installed.',
    )
    .argument('<capture...>', 'captures, read one after the other')
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
}

async function conform(captures: string[], flags: ConformFlags): Promise<void> {
  if (flags.ovs !== true) throw new UsageError('name what to compare with: --ovs');
  const config = flags.config === undefined ? DEFAULT_CONFIG : readConfig(flags.config);
  const outcome = await runConform(captures, config, flags.clock, designsOption(flags.design));
  process.stdout.write(flags.json === true ? toJson(outcome) : toText(outcome));
  const unexplained = outcome.designs.flatMap(({ report }) => unexplainedOf(report));
  if (unexplained.length > 0) process.exitCode = EXIT_DIFFERENCE;
  else if (outcome.designs.every(({ report }) => report.compared === 0)) {
    throw new Error('none of the packets reached the tracker of Open vSwitch, so nothing was compared');
  }
}

function unexplainedOf(report: ConformReport): ConformReport['differences'] {
  return report.differences.filter((difference) => difference.explanation === null);
}

function toJson({ ovs, designs }: ConformOutcome): string {
  const results = designs.map(({ design, report }) => ({ design: designLabel(design), ...report }));
  return `${JSON.stringify({ ovs, results }, null, 1)}\n`;
}

function toText({ ovs, designs }: ConformOutcome): string {
  const lines = [ovs];
  for (const { design, report } of designs) {
    const left = Object.entries(report.notTracked).map(
      ([reason, count]) => `, ${count} not compared: ${reason}`,
    );
    lines.push(
      `${designLabel(design)}: ${report.agreeing} of ${report.compared} packets agree, ` +
        `${report.connections} connections at the end${left.join('')}`,
    );
    for (const each of report.differences.slice(0, MAX_SHOWN)) {
      const place = each.packetNumber === null ? 'table at the end' : `packet ${each.packetNumber}`;
      lines.push(
        `  ${place}, ${each.what}: ${each.explanation ?? 'NOT EXPLAINED'}`,
        `    ours: ${each.ours.replaceAll('\n', '\n          ')}`,
        `    ovs:  ${each.ovs.replaceAll('\n', '\n          ')}`,
      );
    }
    if (report.differences.length > MAX_SHOWN)
      lines.push(`  ... and ${report.differences.length - MAX_SHOWN} more`);
  }
  return `${lines.join('\n')}\n`;
}
