import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns, designLabel } from '../../../engine/host/designs.js';
import { everyChoice } from '../../../tools/endurance/torture/round-plan.js';
import { appliesTo, readVectors } from '../../../tools/oracle/vector-format.js';
import { VectorRunner } from '../../../tools/oracle/vector-runner.js';
import { likeAnother } from '../../support/designs.js';
import { PROOF } from '../../support/conformance.js';

const folder = join(PROOF, 'vectors');
const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl.gz'));

describe('conformance vectors', () => {
  it('are there', () => {
    expect(files).toEqual(['assertions.jsonl.gz', 'fuzz.jsonl.gz']);
  });

  for (const design of availableDesigns()) {
    for (const file of files) {
      it.each([
        [1, 'auto'],
        [77, 'on'],
      ] as const)(`${file} passes on ${design} with seed %d, touch-ahead %s`, (seed, touchAhead) => {
        const runner = new VectorRunner(design, 'debug', undefined, touchAhead);
        const vectors = readVectors(join(folder, file)).filter((vector) => appliesTo(vector, design));
        expect(vectors.length).toBeGreaterThan(100);
        const failures = vectors
          .map((vector) => runner.run(vector, seed))
          .filter((failure) => failure !== null);
        expect(failures).toEqual([]);
      });
    }
  }

  /** Those that no run above is: a preset of a design that is another one but for creating is tried with that one. */
  const variants = everyChoice().filter(
    ({ design, preset }) =>
      preset !== null && preset !== traitsOf(design).recordedPreset && !likeAnother(design),
  );
  it.each(variants.map(designLabel))('pass on %s', (label) => {
    const runner = new VectorRunner(label);
    for (const file of files) {
      const vectors = readVectors(join(folder, file)).filter((vector) =>
        appliesTo(vector, label.replace(/@.*/, '')),
      );
      expect(vectors.length).toBeGreaterThan(100);
      expect(vectors.map((vector) => runner.run(vector)).filter((failure) => failure !== null)).toEqual([]);
    }
  });

  it('notices a wrong expectation', () => {
    const [vector] = readVectors(join(folder, 'assertions.jsonl.gz'));
    const text = JSON.stringify(vector).replaceAll('"state":"', '"state":"snat|');
    const runner = new VectorRunner('rculist-sweep');
    expect(runner.run(JSON.parse(text))).not.toBeNull();
  });
});
