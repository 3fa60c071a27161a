/** `ctreplay prep <capture> -o FILE.ctp`: converts a capture once, to load at memory speed afterwards. */
import type { Command } from 'commander';
import { prepareCapture } from '../captures/prepare.js';

interface PrepOptions {
  readonly output: string;
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
    .requiredOption('-o, --output <file>', 'prepared capture to write, by convention FILE.ctp')
    .option('--keep-truncated', 'keep the whole records of a capture that breaks off (default: an error)')
    .option('--json', 'what was written, as JSON on standard output')
    .addHelpText('after', '\nExample:\n  ctreplay prep day.pcapng.gz -o day.ctp\n  ctreplay replay day.ctp')
    .action(async (capture: string, options: PrepOptions) => {
      const { summary, truncation } = await prepareCapture(capture, options.output, {
        onTruncated: options.keepTruncated === true ? 'keep' : 'error',
      });
      if (options.json === true) {
        const facts = {
          output: options.output,
          packets: summary.recordCount,
          frameBytes: summary.frameBytes,
          wireBytes: summary.originalBytes,
          cutPackets: summary.cutRecordCount,
          fileBytes: summary.fileBytes,
          truncation,
        };
        process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
        return;
      }
      process.stdout.write(
        `${options.output}: ${number(summary.recordCount)} packets, ${number(summary.frameBytes)} frame bytes, ` +
          `${number(summary.fileBytes)} bytes in all\n`,
      );
      if (truncation !== null) process.stderr.write(`warning: ${truncation}\n`);
    });
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
