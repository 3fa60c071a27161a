/** `ctreplay dump <capture>`: the connection table after a capture. */
import type { Command } from 'commander';
import type { ConnEntry } from '../../engine/host/connection-view.js';
import { DEFAULT_DESIGN } from '../../engine/host/designs.js';
import { dumpLine } from '../../engine/host/dump-text.js';
import { checksumConfig, fixesChecksums, type ChecksumChoice } from '../config/checksum-handling.js';
import { configOf } from '../config/suggested.js';
import { createRules } from '../config/rules.js';
import { CaptureRun, FIRST_PACKET_MS, readPackets, type TraceClock } from '../oracle/capture-run.js';
import { configuredTracker } from '../oracle/configured-tracker.js';
import {
  addCaptureOptions,
  CAPTURE_ARGUMENT,
  filesOf,
  readingOf,
  warnOf,
  type CaptureFlags,
} from './capture-options.js';
import { addChecksumsOption } from './checksum-options.js';
import { designsOption, duration, oneOf } from './option-values.js';
import { UsageError } from './usage-error.js';

interface DumpFlags extends CaptureFlags, ChecksumChoice {
  readonly design: string;
  readonly config?: string;
  readonly at?: number;
  readonly clock: TraceClock;
  readonly json?: boolean;
}

/** Adds `dump` to the program. */
export function register(program: Command): void {
  const command = program
    .command('dump')
    .summary('show the connection table after a capture')
    .description(
      "Runs captures through one design and prints its table in the form of 'ovs-appctl dpctl/dump-conntrack -s', sorted.",
    )
    .argument('<capture...>', `read one after the other: ${CAPTURE_ARGUMENT}`)
    .option('--design <name>', 'design, with a preset as in rculist-sweep@v7', DEFAULT_DESIGN)
    .option('--config <file>', 'configuration file (docs/config.md)')
    .option(
      '--at <ms>',
      'time of the dump, ms after the first packet; also 30s. Default: the last packet',
      (text) => (/^0(ms|s|m|h)?$/.test(text) ? 0 : duration('ms')(text)),
    )
    .option(
      '--clock <clock>',
      "tracker's time: capture or frozen",
      oneOf(['capture', 'frozen'] as const),
      'capture' as const,
    )
    .option('--json', 'the entries as JSON on standard output')
    .addHelpText('after', '\nExample:\n  ctreplay dump office.pcap --design timeout-lists --at 30s')
    .action(dump);
  addChecksumsOption(command);
  addCaptureOptions(command);
}

async function dump(captures: string[], flags: DumpFlags): Promise<void> {
  const [choice, ...more] = designsOption(flags.design);
  if (choice === undefined || more.length > 0)
    throw new UsageError(`--design is '${flags.design}': dump takes one design`);
  const named = configOf(flags.config, null);
  const config = checksumConfig(named, flags);
  const tracker = configuredTracker(choice, config);
  const run = new CaptureRun(tracker, createRules(config), flags.clock);
  const until = flags.at === undefined ? null : FIRST_PACKET_MS + flags.at;
  let firstNs: bigint | null = null;
  const reading = { ...readingOf(flags), fixChecksums: fixesChecksums(flags), tell: warnOf };
  for await (const packet of readPackets(filesOf(captures), reading)) {
    firstNs ??= packet.timestampNs;
    if (until !== null && flags.clock === 'capture') {
      const atMs = FIRST_PACKET_MS + Number(packet.timestampNs - firstNs) / 1e6;
      // Captures may run backwards: earlier packets can follow.
      if (atMs > until) continue;
    }
    run.run(packet);
  }
  if (until !== null) run.advanceTo(until);
  const entries = tracker.dump(run.nowMs);
  process.stdout.write(flags.json === true ? toJson(entries, run.nowMs) : toText(entries));
}

function toText(entries: readonly ConnEntry[]): string {
  const lines = entries.map(dumpLine).toSorted();
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function toJson(entries: readonly ConnEntry[], nowMs: number): string {
  const plain = entries
    .map((entry) => ({ line: dumpLine(entry), entry }))
    .toSorted((a, b) => (a.line < b.line ? -1 : 1))
    .map(({ entry }) => {
      const { index: _index, label, expirationMs, ...rest } = entry;
      return { ...rest, label: `0x${label.toString(16)}`, remainingMs: expirationMs - nowMs };
    });
  return `${JSON.stringify({ atMs: nowMs - FIRST_PACKET_MS, entries: plain }, null, 1)}\n`;
}
