import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { appliesTo, readVectors } from '../../../tools/oracle/vector-format.js';
import { VectorRunner } from '../../../tools/oracle/vector-runner.js';
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

  it('notices a wrong expectation', () => {
    const [vector] = readVectors(join(folder, 'assertions.jsonl.gz'));
    const text = JSON.stringify(vector).replaceAll('"state":"', '"state":"snat|');
    const runner = new VectorRunner('rculist-sweep');
    expect(runner.run(JSON.parse(text))).not.toBeNull();
  });
});
