/** `ctreplay prep <capture> -o FILE.ctp`: converts a capture once, so that later runs need not decompress it and notice any damage; and back. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { CaptureError } from '../captures/capture-error.js';
import { CONVERTED_FORMATS, convertCapture, type ConvertedFormat } from '../captures/prepare.js';
import { addCaptureOptions, filesOf, readingOf, warnOf, type CaptureFlags } from './capture-options.js';
import { addSpelling, oneOf } from './option-values.js';

interface PrepOptions extends CaptureFlags {
  readonly fixChecksums?: boolean;
  readonly out: string;
  readonly format: ConvertedFormat;
  readonly json?: boolean;
}

/** Adds `prep` to the program. */
export function register(program: Command): void {
  const command = program
    .command('prep')
    .summary('convert a capture once: uncompressed, every block with a checksum')
    .description(
      'Converts a capture (pcap, pcapng, gzip or zstd of them; any replayable link type) to a prepared capture: ' +
        'Ethernet frames with aligned IP headers, layers located, every block with a checksum. ' +
        'All commands that take a capture take the result. The file appears only when it is complete.',
    )
    .argument('<capture>', 'file to read, - for standard input')
    .requiredOption('-o, --out <file>', 'file to write, by convention FILE.ctp')
    .option(
      '--format <format>',
      'what to write: ctp (prepared), or pcap or pcapng with nanoseconds, for other programs',
      oneOf(CONVERTED_FORMATS),
      'ctp',
    )
    .option('--fix-checksums', 'make wrong checksums right, as of captures from the sender or loopback')
    .option('--json', 'what was written, as JSON on standard output; sizes in bytes')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay prep day.pcapng.gz -o day.ctp\n  ctreplay replay day.ctp\n' +
        '  ctreplay prep day.ctp --format pcap -o day.pcap',
    )
    .action(async (capture: string, options: PrepOptions) => {
      const input = onlyFileOf(capture);
      const written = await convertCapture(input, options.out, options.format, {
        ...readingOf(options),
        fixChecksums: options.fixChecksums === true,
      });
      warnOf(input, written.notes);
      if (options.json === true) {
        const facts = {
          output: options.out,
          format: options.format,
          packets: written.recordCount,
          frameBytes: written.frameBytes,
          wireBytes: written.originalBytes,
          cutPackets: written.cutRecordCount,
          fileBytes: written.fileBytes,
          truncation: written.truncation,
          ...(written.skippedCount === 0 ? {} : { skippedPackets: written.skippedCount }),
          ...(options.fixChecksums === true ? { fixedPackets: written.fixedCount } : {}),
        };
        process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
        return;
      }
      process.stdout.write(
        `${options.out}: ${number(written.recordCount)} packets, ${number(written.frameBytes)} frame bytes, ` +
          `${number(written.fileBytes)} bytes in all` +
          (options.fixChecksums === true
            ? `, checksums made right in ${number(written.fixedCount)} packets\n`
            : '\n'),
      );
    });
  addCaptureOptions(command);
  addSpelling(command, '--output <file>', 'out', '--out');
}

/**
 * The one capture that a name, directory or pattern stands for.
 * @throws CaptureError when it stands for several
 */
function onlyFileOf(name: string): string {
  const [file = name, ...more] = filesOf([name]);
  if (more.length === 0) return file;
  const captures = more.length + 1;
  const isDirectory = existsSync(name);
  throw new CaptureError({
    file: name,
    reason: isDirectory
      ? 'this is a directory, not a capture file'
      : `this pattern stands for ${captures} captures, and prep takes one`,
    advice:
      `Name the capture files one at a time${isDirectory ? `: there are ${captures} in it` : ''}, ` +
      'or join them first with: mergecap -w JOINED.pcapng FILE...',
  });
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
