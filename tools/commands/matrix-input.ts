/** Loading the inputs of a matrix. A file of its own, because a session loads it, and nothing of what commands print. */
import type { InputSpec } from '../bench/matrix-spec.js';
import { fixesChecksums } from '../config/checksum-handling.js';
import { AS_IT_IS, CHECKSUMS_FIXED, type LoadedInput } from '../replay/packet-source.js';
import { readingOf } from './capture-options.js';
import { captureInput, scenarioInput } from './replay-input.js';

/** Loads an input of a matrix. */
export async function loadInput(input: InputSpec, seed: number): Promise<LoadedInput> {
  const limit = input.limit ?? null;
  if (input.capture !== undefined) {
    const edits = fixesChecksums(input) ? CHECKSUMS_FIXED : AS_IT_IS;
    return captureInput([input.capture], limit, readingOf(input), edits);
  }
  return scenarioInput(input.scenario as string, input.parameters ?? {}, seed, limit);
}
