/** `ctreplay prep <capture> -o FILE.ctp`: converts a capture once, to load at memory speed afterwards; and back. */
import type { Command } from 'commander';
import { CONVERTED_FORMATS, convertCapture, type ConvertedFormat } from '../captures/prepare.js';
import { oneOf } from './option-values.js';

interface PrepOptions {
  readonly fixChecksums?: boolean;
  readonly output: string;
  readonly format: ConvertedFormat;
  readonly keepTruncated?: boolean;
  readonly json?: boolean;
}

/** Adds `prep` to the program. */
export function register(program: Command): void {
  program
    .command('prep')
    .summary('prepare a capture so that it loads at memory speed')
    .description(
      'Converts a capture (pcap, pcapng, gzip or zstd of them; any replayable link type) to a prepared capture: ' +
        'Ethernet frames with aligned IP headers, layers located, every block with a checksum. ' +
        'All commands that take a capture take the result. The file appears only when it is complete.',
    )
    .argument('<capture>', 'file to read, - for standard input')
    .requiredOption('-o, --output <file>', 'file to write, by convention FILE.ctp')
    .option(
      '--format <format>',
      'what to write: ctp (prepared), or pcap or pcapng with nanoseconds, for other programs',
      oneOf(CONVERTED_FORMATS),
      'ctp',
    )
    .option('--keep-truncated', 'keep the whole records of a capture that breaks off (default: an error)')
    .option('--fix-checksums', 'make wrong checksums right, as of captures from the sender or loopback')
    .option('--json', 'what was written, as JSON on standard output; sizes in bytes')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay prep day.pcapng.gz -o day.ctp\n  ctreplay replay day.ctp\n' +
        '  ctreplay prep day.ctp --format pcap -o day.pcap',
    )
    .action(async (capture: string, options: PrepOptions) => {
      const written = await convertCapture(capture, options.output, options.format, {
        onTruncated: options.keepTruncated === true ? 'keep' : 'error',
        fixChecksums: options.fixChecksums === true,
      });
      if (options.json === true) {
        const facts = {
          output: options.output,
          format: options.format,
          packets: written.recordCount,
          frameBytes: written.frameBytes,
          wireBytes: written.originalBytes,
          cutPackets: written.cutRecordCount,
          fileBytes: written.fileBytes,
          truncation: written.truncation,
        };
        process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
        return;
      }
      process.stdout.write(
        `${options.output}: ${number(written.recordCount)} packets, ${number(written.frameBytes)} frame bytes, ` +
          `${number(written.fileBytes)} bytes in all\n`,
      );
      if (written.truncation !== null) process.stderr.write(`warning: ${written.truncation}\n`);
    });
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
