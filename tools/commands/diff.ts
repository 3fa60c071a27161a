/** `ctreplay diff <capture>`: two designs on one trace. */
import type { Command } from 'commander';
import { DEFAULT_DESIGNS, type DesignChoice } from '../../engine/host/designs.js';
import { requireOutput } from '../captures/output-file.js';
import { PcapWriter } from '../captures/pcap-writer.js';
import { checksumConfig, fixesChecksums, type ChecksumChoice } from '../config/checksum-handling.js';
import { configOf } from '../config/suggested.js';
import { readPackets, type InputPacket } from '../oracle/capture-run.js';
import { Differ, type DiffReport, type Divergence } from '../oracle/differ.js';
import { minimize } from '../oracle/minimize.js';
import {
  addCaptureOptions,
  CAPTURE_ARGUMENT,
  filesOf,
  readingOf,
  warnOf,
  type CaptureFlags,
} from './capture-options.js';
import { addChecksumsOption } from './checksum-options.js';
import { designsOption, wholeNumber } from './option-values.js';
import { leavingSignalsToTheSystem } from './program-end.js';
import { UsageError } from './usage-error.js';

interface DiffFlags extends CaptureFlags, ChecksumChoice {
  readonly designs: string;
  readonly config?: string;
  readonly minimize?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

/** Exit code for a divergence that nothing explains. */
const EXIT_DIFFERENCE = 99;

/** Adds `diff` to the program. */
export function register(program: Command): void {
  const command = program
    .command('diff')
    .summary('compare two designs on one trace')
    .description(
      'Runs captures through two designs on a clock that follows the timestamps, and reports the first divergence in state, ' +
        'rewritten packet or table. A divergence that comes from an expired connection that one design still keeps is reported as ' +
        'explained; any other ends with exit code 99.',
    )
    .argument('<capture...>', `read one after the other: ${CAPTURE_ARGUMENT}`)
    .option('--designs <a,b>', 'the two designs', DEFAULT_DESIGNS.join(','))
    .option('--config <file>', 'configuration file (docs/config.md)')
    .option('--limit <packets>', 'stop reading after this many packets', wholeNumber(1, 1e8, 'packets'))
    .option('--minimize <file>', 'pcap file with the fewest packets that still diverge')
    .option('--json', 'the report as JSON on standard output')
    .addHelpText('after', '\nExample:\n  ctreplay diff nat.pcap --config nat.yaml --minimize smallest.pcap')
    .action(diff);
  addChecksumsOption(command);
  addCaptureOptions(command);
}

async function diff(captures: string[], flags: DiffFlags): Promise<void> {
  const choices = designsOption(flags.designs, `--designs is '${flags.designs}'`);
  if (choices.length !== 2) {
    throw new UsageError(
      `--designs is '${flags.designs}', which names ${choices.length}: give two, joined by a comma`,
    );
  }
  const named = configOf(flags.config, null);
  const config = checksumConfig(named, flags);
  const packets: InputPacket[] = [];
  const reading = { ...readingOf(flags), fixChecksums: fixesChecksums(flags), tell: warnOf };
  const files = filesOf(captures);
  if (flags.minimize !== undefined) requireOutput(flags.minimize, files);
  for await (const packet of readPackets(files, reading)) {
    packets.push(packet);
    if (flags.limit !== undefined && packets.length >= flags.limit) break;
  }
  const differ = new Differ([choices[0] as DesignChoice, choices[1] as DesignChoice], config);
  const report = leavingSignalsToTheSystem(() => differ.compare(packets));
  if (flags.minimize !== undefined && report.first !== null) {
    const unexplained = report.unexplained !== null;
    const shows = (some: readonly InputPacket[]): boolean => {
      const outcome = differ.compare(some);
      return unexplained ? outcome.unexplained !== null : outcome.first !== null;
    };
    const from = report.unexplained ?? report.first;
    const fewest = leavingSignalsToTheSystem(() => minimize(untilDivergence(packets, from, shows), shows));
    writePackets(flags.minimize, fewest);
    process.stderr.write(`${flags.minimize}: ${fewest.length} of ${packets.length} packets still diverge\n`);
  }
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 1)}\n` : toText(report));
  if (report.unexplained !== null) process.exitCode = EXIT_DIFFERENCE;
}

/** The packets up to a divergence, when they show it: what came later has no part in it. */
function untilDivergence(
  packets: readonly InputPacket[],
  { packetNumber }: Divergence,
  shows: (some: readonly InputPacket[]) => boolean,
): readonly InputPacket[] {
  if (packetNumber === null) return packets;
  const until = packets.filter((packet) => packet.packetNumber <= packetNumber);
  return shows(until) ? until : packets;
}

function writePackets(file: string, packets: readonly InputPacket[]): void {
  const writer = new PcapWriter(file);
  try {
    for (const { timestampNs, frame, missingBytes = 0 } of packets) {
      writer.write({ timestampNs, frame, originalLength: frame.length + missingBytes });
    }
    writer.close();
  } catch (error) {
    writer.discard();
    throw error;
  }
}

function toText(report: DiffReport): string {
  const [a, b] = report.designs;
  const head = `${a} and ${b}, ${report.packets} packets: `;
  if (report.first === null) return `${head}no divergence\n`;
  const describe = (each: Divergence): string =>
    `${each.packetNumber === null ? 'table at the end' : `packet ${each.packetNumber}`}, ${each.what}:\n` +
    `    ${a}: ${each.values[0]}\n    ${b}: ${each.values[1]}\n`;
  const lines = [`${head}they diverge\n`, `First, ${describe(report.first)}`];
  for (const each of report.explained.slice(0, 10)) {
    lines.push(`Explained, ${each.explanation}: ${describe(each)}`);
  }
  if (report.explained.length > 10) lines.push(`... and ${report.explained.length - 10} more explained\n`);
  lines.push(
    report.unexplained === null
      ? 'Every divergence is explained by how the designs expire connections.\n'
      : `NOT EXPLAINED, ${describe(report.unexplained)}`,
  );
  return lines.join('');
}
