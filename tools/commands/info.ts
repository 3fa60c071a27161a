/** `ctreplay info <capture...>`: what a capture holds. */
import type { Command } from 'commander';
import {
  analyseCapture,
  type AnalysedFile,
  type AnalysisSection,
  type ReportLine,
} from '../captures/analysis.js';
import { FlowsSection } from '../captures/analysis-flows.js';
import { FragmentsSection, ProtocolsSection, VlansSection } from '../captures/analysis-protocols.js';
import { TotalsSection } from '../captures/analysis-totals.js';
import { CAPTURE_FORMATS } from '../captures/capture-record.js';
import { linkTypeName, SUPPORTED_LINK_TYPES } from '../captures/link-type.js';
import { oddityText } from '../captures/oddities.js';
import {
  addCaptureOptions,
  CAPTURE_ARGUMENT,
  filesOf,
  readingOf,
  type CaptureFlags,
} from './capture-options.js';
import { printable } from '../text/escape.js';
import { TrackerSection } from './info-tracker.js';

interface InfoOptions extends CaptureFlags {
  readonly json?: boolean;
  readonly tracker: boolean;
}

/** Interfaces listed in the report for people; the JSON report has all. */
const LISTED_INTERFACES = 16;

/** Adds `info` to the program. */
export function register(program: Command): void {
  const command = program
    .command('info')
    .summary('say what a capture holds')
    .description(
      'Reads each capture once and reports its format, packets, bytes, times (UTC), rates, protocols, flows, ' +
        'fragments, VLANs, packets cut by the snap length, and which packets a tracker rejects and why. pcap, pcapng and prepared captures, plain or ' +
        'compressed with gzip or zstd, are recognised by their content.',
    )
    .argument('<capture...>', CAPTURE_ARGUMENT)
    .option(
      '--json',
      'as JSON on standard output: {"captures": [...]}; bytes, seconds and nanoseconds as named',
    )
    .option('--no-tracker', 'do not say what a tracker makes of the packets (faster)')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay info captures/office-mix.pcap\n  zcat day.pcap.gz | ctreplay info --json -',
    )
    .action(async (captures: string[], options: InfoOptions) => {
      const reports: unknown[] = [];
      const reading = readingOf(options);
      for (const [index, capture] of filesOf(captures).entries()) {
        const sections = standardSections(options.tracker);
        const file = await analyseCapture(capture, sections, reading);
        if (options.json === true) reports.push(toJson(file, sections));
        else process.stdout.write(`${index === 0 ? '' : '\n'}${toText(file, sections)}`);
      }
      if (options.json === true) process.stdout.write(`${JSON.stringify({ captures: reports }, null, 2)}\n`);
    });
  addCaptureOptions(command);
}

function standardSections(withTracker: boolean): AnalysisSection[] {
  const sections: AnalysisSection[] = [
    new TotalsSection(),
    new ProtocolsSection(),
    new FlowsSection(),
    new FragmentsSection(),
    new VlansSection(),
  ];
  if (withTracker) sections.push(new TrackerSection());
  return sections;
}

function toJson(file: AnalysedFile, sections: readonly AnalysisSection[]): Record<string, unknown> {
  const { interfaces, recordCount: _counted, ...facts } = file;
  return {
    ...facts,
    interfaces: interfaces.map((each) => ({
      name: each.name,
      linkType: each.linkType,
      linkTypeName: linkTypeName(each.linkType),
      replayable: SUPPORTED_LINK_TYPES.includes(each.linkType),
      snapLengthBytes: each.snapLength,
      timestampUnit: each.resolution,
      packets: each.recordCount,
    })),
    ...Object.fromEntries(sections.map((section) => [section.key, section.toJson()])),
  };
}

function toText(file: AnalysedFile, sections: readonly AnalysisSection[]): string {
  const lines: ReportLine[] = [
    ['File', file.file === '-' ? 'standard input' : file.file],
    [
      'Format',
      `${CAPTURE_FORMATS[file.format]}${file.compression === 'none' ? '' : `, ${file.compression}`}`,
    ],
  ];
  if (file.fileBytes !== null) lines.push(['File size', `${file.fileBytes.toLocaleString('en-US')} bytes`]);
  lines.push(...interfaceLines(file));
  for (const section of sections) lines.push(...section.toLines());
  for (const oddity of file.oddities) lines.push(['Odd', oddityText(oddity)]);
  if (file.truncation !== null) lines.push(['Broken off', file.truncation]);
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  // Names of interfaces, comments and the like are whatever the file says.
  return lines.map(([label, value]) => `${`${label}:`.padEnd(width)}${printable(value)}\n`).join('');
}

function interfaceLines(file: AnalysedFile): ReportLine[] {
  const lines = file.interfaces.slice(0, LISTED_INTERFACES).map((each, index): ReportLine => {
    const snap = each.snapLength === null ? 'no snap length' : `snap length ${each.snapLength} bytes`;
    const replayable = SUPPORTED_LINK_TYPES.includes(each.linkType) ? '' : ', cannot be replayed';
    const name = each.name === null ? '' : `${each.name}: `;
    return [
      file.interfaces.length === 1 ? 'Interface' : `Interface ${index}`,
      `${name}${linkTypeName(each.linkType)} (${each.linkType})${replayable}, ${snap}, ` +
        `time in units of ${each.resolution}, ${each.recordCount.toLocaleString('en-US')} packets`,
    ];
  });
  const left = file.interfaces.length - lines.length;
  if (left > 0) lines.push(['Interfaces', `${left} more`]);
  return lines;
}
