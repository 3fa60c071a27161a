/** `--checksums`: what to do about captures whose checksums a network card was still to complete. */
import { Option, type Command } from 'commander';
import { CHECKSUM_HANDLINGS, ignoresChecksums } from '../config/checksum-handling.js';
import type { TrackerConfig } from '../config/read-config.js';
import { collectWarnings } from '../measure/warnings.js';
import { requireRightChecksums } from '../replay/checksum-check.js';
import type { LoadedInput } from '../replay/packet-source.js';
import { warn } from './capture-options.js';
import { oneOf } from './option-values.js';

const HELP =
  'verify: a packet with a wrong one is invalid; fix: wrong ones are made right while reading, before any clock runs, for captures ' +
  'from the sender or loopback; ignore: not looked at, as with offload flags';

/** Adds the option to a command. */
export function addChecksumsOption(command: Command): void {
  command.option('--checksums <how>', HELP, oneOf(CHECKSUM_HANDLINGS), 'verify' as const);
}

/** The option of a command whose matrix may say it as well. */
export function matrixChecksumsOption(): Option {
  return new Option('--checksums <how>', `of captures; ${HELP} (default: verify)`).argParser(
    oneOf(CHECKSUM_HANDLINGS),
  );
}

/**
 * Says on standard error what a look at the checksums found, before anything is replayed.
 * @throws WrongChecksumsError for a capture none of whose packets would be accepted
 */
export function lookAtChecksums(
  { traffic, input }: LoadedInput,
  config: TrackerConfig,
  quiet: boolean,
): void {
  const ignored = ignoresChecksums(config);
  requireRightChecksums(traffic, input, ignored);
  if (quiet) return;
  for (const { text, advice } of collectWarnings({ checksums: { ...traffic.checksums, ignored } })) {
    warn(`${input.name}: ${text}. ${advice}`);
  }
}
