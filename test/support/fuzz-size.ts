/** How many files a fuzzing test makes, and from which seed: CTREPLAY_FUZZ_FILES and CTREPLAY_FUZZ_SEED set them. */

/** Files to make; by default few in an ordinary run and many with CTREPLAY_LONG. */
export function fuzzFiles(ordinary: number, long: number): number {
  const given = process.env['CTREPLAY_FUZZ_FILES'];
  if (given === undefined) return process.env['CTREPLAY_LONG'] ? long : ordinary;
  const files = Number(given);
  if (!Number.isSafeInteger(files) || files < 1)
    throw new Error(`CTREPLAY_FUZZ_FILES=${given}: give a whole number from 1 on`);
  return files;
}

/** Seed of the damages; runs with different seeds are different files. */
export function fuzzSeed(usual: number): number {
  const given = process.env['CTREPLAY_FUZZ_SEED'];
  if (given === undefined) return usual;
  const seed = Number(given);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`CTREPLAY_FUZZ_SEED=${given}: give a whole number`);
  return seed;
}

/** Whether the figures of a run are to be told. */
export const FUZZ_TELLS =
  process.env['CTREPLAY_LONG'] !== undefined || process.env['CTREPLAY_FUZZ_FILES'] !== undefined;
