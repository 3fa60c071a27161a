/** `ctreplay trace <capture>`: what the tracker says of each packet. */
import type { Command } from 'commander';
import { DEFAULT_DESIGN, designLabel } from '../../engine/host/designs.js';
import { checksumConfig, fixesChecksums, type ChecksumChoice } from '../config/checksum-handling.js';
import { configOf } from '../config/suggested.js';
import { createRules } from '../config/rules.js';
import { configuredTracker } from '../oracle/configured-tracker.js';
import { requireOutput, writeFrom } from '../captures/output-file.js';
import { PcapWriter } from '../captures/pcap-writer.js';
import {
  CaptureRun,
  readPackets,
  type ReadPacket,
  type TraceClock,
  type TrackedPacket,
} from '../oracle/capture-run.js';
import { frameTuple } from '../oracle/frame-tuple.js';
import {
  addCaptureOptions,
  CAPTURE_ARGUMENT,
  filesOf,
  readingOf,
  warnOf,
  type CaptureFlags,
} from './capture-options.js';
import { addChecksumsOption } from './checksum-options.js';
import { designsOption, oneOf } from './option-values.js';
import { UsageError } from './usage-error.js';

interface TraceFlags extends CaptureFlags, ChecksumChoice {
  readonly design: string;
  readonly clock: TraceClock;
  readonly bareStates?: boolean;
  readonly json?: boolean;
  readonly write?: string;
  readonly config?: string;
}

/** Adds `trace` to the program. */
export function register(program: Command): void {
  const command = program
    .command('trace')
    .summary('show what the tracker says of each packet')
    .description(
      "Runs captures through one design, a packet at a time, and prints 'N: ct_state' per packet that " +
        'the tracker puts out, the form of ovstest test-conntrack pcap. A fragment comes out when its packet is whole.',
    )
    .argument('<capture...>', `read one after the other: ${CAPTURE_ARGUMENT}`)
    .option('--design <name>', 'design, with a preset as in rculist-sweep@v7', DEFAULT_DESIGN)
    .option(
      '--clock <clock>',
      "tracker's time: frozen (as ovstest does) or capture (timestamps, with expiration)",
      oneOf(['frozen', 'capture'] as const),
      'frozen' as const,
    )
    .option('--config <file>', 'configuration file (docs/config.md); default: everything committed in zone 0')
    .option('--bare-states', 'only the lines with states, nothing else')
    .option('--json', 'a JSON object a line: packet, time, state, mark, zone, reason, tuple before and after')
    .option('--write <file>', 'pcap file with the packets as the tracker left them')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay trace ftp.pcap --design timeout-lists --clock capture --json',
    )
    .action(trace);
  addChecksumsOption(command);
  addCaptureOptions(command);
}

async function trace(captures: string[], flags: TraceFlags): Promise<void> {
  const [choice, ...more] = designsOption(flags.design);
  if (choice === undefined || more.length > 0) {
    throw new UsageError(
      `--design is '${flags.design}': trace takes one design; ctreplay diff compares several`,
    );
  }
  if (flags.json === true && flags.bareStates === true) {
    throw new UsageError('--json and --bare-states exclude each other; give one of them');
  }
  const named = configOf(flags.config, null);
  const config = checksumConfig(named, flags);
  const tracker = configuredTracker(choice, config);
  const run = new CaptureRun(tracker, createRules(config), flags.clock);
  const files = filesOf(captures);
  if (flags.write !== undefined) requireOutput(flags.write, files);
  const writer = flags.write === undefined ? null : new PcapWriter(flags.write);
  const output = new LineOutput();
  let outputNumber = 0;
  let inputs = 0;
  try {
    const reading = { ...readingOf(flags), fixChecksums: fixesChecksums(flags), tell: warnOf };
    for await (const packet of readPackets(files, reading)) {
      inputs += 1;
      for (const tracked of run.run(packet)) {
        outputNumber += 1;
        output.line(flags.json === true ? jsonLine(tracked) : `${outputNumber}: ${tracked.returned.state}`);
        if (writer !== null) writeTracked(writer, packet, tracked);
      }
      await output.drained();
    }
    output.flush();
    writer?.close();
  } catch (error) {
    output.flush();
    writer?.discard();
    throw error;
  }
  if (flags.bareStates === true || flags.json === true) return;
  const held = inputs - outputNumber;
  const note = held === 0 ? '' : `, ${held} ${held === 1 ? 'fragment' : 'fragments'} not put out`;
  process.stderr.write(
    `${designLabel(choice)}: ${inputs} packets${note}, ${tracker.connCount} connections at the end\n`,
  );
}

/**
 * Writes a packet as the tracker left it, at the time of the one that it came out with.
 * @throws CaptureError for a time that pcap cannot hold
 */
function writeTracked(writer: PcapWriter, packet: ReadPacket, tracked: TrackedPacket): void {
  const { frameAfter: frame, missingBytes } = tracked;
  const { timestampNs, origin } = packet;
  const advice =
    'Leave the record out, or move its time with: editcap -t SECONDS FILE MOVED; or leave out --write.';
  writeFrom(origin, advice, () =>
    writer.write({ timestampNs, frame, originalLength: frame.length + missingBytes }),
  );
}

function jsonLine(tracked: TrackedPacket): string {
  const { returned } = tracked;
  return JSON.stringify({
    packet: tracked.packetNumber,
    timestampNs: String(tracked.timestampNs),
    state: returned.state,
    mark: returned.mark,
    zone: tracked.zone,
    reason: returned.reason?.name ?? null,
    tuple: frameTuple(tracked.frameBefore),
    tupleAfter: frameTuple(tracked.frameAfter),
    frameChanged: returned.frameChanged,
  });
}

/** Standard output in large pieces, waiting when the reader is slower. */
class LineOutput {
  #text = '';
  #full = false;

  line(text: string): void {
    this.#text += `${text}\n`;
    if (this.#text.length > 65_536) this.flush();
  }

  flush(): void {
    if (this.#text !== '') this.#full = !process.stdout.write(this.#text);
    this.#text = '';
  }

  async drained(): Promise<void> {
    if (!this.#full) return;
    this.#full = false;
    await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}
