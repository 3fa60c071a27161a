import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as prettier from 'prettier';
import { describe, expect, it } from 'vitest';
import { emptyHistogram, summarize } from '../../../tools/measure/latency-summary.js';
import {
  latencyDistribution,
  result,
  resultJsonSchema,
  type LatencyDistribution,
} from '../../../tools/result/schema.js';
import { resultFieldsMarkdown } from '../../support/schema-fields.js';
import { sampleResult } from '../../support/results.js';

const PUBLISHED = fileURLToPath(new URL('../../../docs/schema/result-v1.schema.json', import.meta.url));

async function formatted(): Promise<string> {
  const options = (await prettier.resolveConfig(PUBLISHED)) ?? {};
  return prettier.format(JSON.stringify(resultJsonSchema()), { ...options, filepath: PUBLISHED });
}

function ajvCheck(schema: object): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const check = ajv.compile(schema);
  return (value) => check(value) === true;
}

describe('the published JSON Schema', () => {
  it('is the one generated from the code (vitest run FILE -u rewrites it)', async () => {
    await expect(await formatted()).toMatchFileSnapshot(resolve(PUBLISHED));
  });

  it('is described field by field in docs/schema/result-fields.md (vitest run FILE -u rewrites it)', async () => {
    const file = fileURLToPath(new URL('../../../docs/schema/result-fields.md', import.meta.url));
    const options = (await prettier.resolveConfig(file)) ?? {};
    const text = await prettier.format(resultFieldsMarkdown(), { ...options, filepath: file });
    for (const part of ['resultCase', 'contention', 'latencyDistribution'])
      expect(text).toContain(`## ${part}`);
    await expect(text).toMatchFileSnapshot(resolve(file));
  });

  it('agrees with zod on good and broken results', async () => {
    const check = ajvCheck(JSON.parse(await readFile(PUBLISHED, 'utf8')));
    const good = sampleResult();
    expect(result.safeParse(good).success).toBe(true);
    expect(check(JSON.parse(JSON.stringify(good)))).toBe(true);

    const broken: [string, (value: ReturnType<typeof sampleResult>) => void][] = [
      ['a negative time', (value) => void (value.cases[0]!.elapsedNs = -1)],
      ['a fractional count', (value) => void (value.cases[0]!.packets.injected = 1.5)],
      ['an unknown kind', (value) => void (value.cases[0]!.kind = 'guess' as 'replay')],
      ['no seed', (value) => void delete (value as Partial<typeof value>).seed],
      ['an unknown packet class', (value) => void (value.cases[0]!.packets.byClass = { odd: 1 } as never)],
      ['text for a histogram', (value) => void (value.cases[0]!.latency!.service!.overall.encoded = '<b>')],
    ];
    for (const [what, damage] of broken) {
      const value = structuredClone(good);
      damage(value);
      expect(result.safeParse(value).success, what).toBe(false);
      expect(check(JSON.parse(JSON.stringify(value))), what).toBe(false);
    }
  });

  it('lets a field it does not know pass, as a later tool may add one', async () => {
    const check = ajvCheck(resultJsonSchema());
    const value = { ...sampleResult(), later: { field: 1 } };
    expect(check(JSON.parse(JSON.stringify(value)))).toBe(true);
  });
});

describe('the distribution of the format', () => {
  it('takes what tools/measure summarises, as it is', () => {
    const recorded = emptyHistogram();
    for (let value = 1; value <= 1000; value += 1) recorded.recordValue(value * 1000);
    const summary: LatencyDistribution = summarize(recorded);
    expect(latencyDistribution.parse(summary)).toEqual(summary);
    const none: LatencyDistribution = summarize(emptyHistogram());
    expect(latencyDistribution.parse(none)).toEqual(none);
  });
});
