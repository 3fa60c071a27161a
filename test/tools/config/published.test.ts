/** The schema, the examples and the documentation that are published agree with what the program takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig, readConfig } from '../../../tools/config/read-config.js';
import { createRules } from '../../../tools/config/rules.js';
import { configSchema } from '../../../tools/config/schema.js';
import { TIMEOUT_ATTRIBUTES } from '../../../engine/host/timeout-attributes.js';
import { compileFilter } from '../../../tools/rewrite/filter.js';
import { udpFrame } from '../../support/packets.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));
const examples = readdirSync(`${docs}examples`).filter((name) => name.endsWith('.yaml'));
const page = readFileSync(`${docs}config.md`, 'utf8');
const schema = JSON.parse(readFileSync(`${docs}schema/config.schema.json`, 'utf8')) as object;
const check = new Ajv2020({ strict: false }).compile(schema);

/** Every key of the configuration, however deep. */
function keysOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const own =
    'properties' in node && typeof node.properties === 'object' ? Object.keys(node.properties ?? {}) : [];
  return [...own, ...Object.values(node).flatMap(keysOf)];
}

describe('the examples', () => {
  it.each(examples)('%s is taken, and by the schema too', (name) => {
    const config = readConfig(`${docs}examples/${name}`);
    expect(createRules(config).choose({ frame: udpFrame(), worker: 0 })).toBe(0);
    expect(check(parse(readFileSync(`${docs}examples/${name}`, 'utf8'))), JSON.stringify(check.errors)).toBe(
      true,
    );
  });

  it('are all named in the documentation', () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const name of examples) expect(page).toContain(`examples/${name}`);
  });
});

describe('docs/config.md', () => {
  it('shows configurations that are taken', () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] as string);
    expect(blocks.length).toBeGreaterThan(3);
    for (const block of blocks) parseConfig(block, 'docs/config.md');
  });

  it('shows filters that are taken', () => {
    const section = page.slice(page.indexOf('## Filters'));
    const blocks = [...section.matchAll(/```text\n([\s\S]*?)```/g)].map((match) => match[1] as string);
    const lines = blocks.flatMap((block) => block.split('\n').filter((line) => line !== ''));
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(typeof compileFilter(line)(udpFrame())).toBe('boolean');
  });

  it('names every key and every timeout attribute', () => {
    const keys = new Set([...keysOf(schema), ...TIMEOUT_ATTRIBUTES]);
    expect(keys.size).toBeGreaterThan(40);
    for (const key of keys) expect(page, key).toMatch(new RegExp(`\\b${key}\\b`));
  });
});

describe('the schema and the program', () => {
  it.each([
    ['zone: 1', true],
    ['zone: {from: vlan, default: 2}', true],
    ['zone: {from: vlan, base: 2}', false],
    ['zone: 65536', false],
    ['rules: [{match: tcp, commit: true, helper: {name: ftp, port: 2121}}]', true],
    ['rules: [{mark: 1/2, label: {value: 0x5}}]', true],
    ['rules: [{mark: red}]', false],
    ['rules: [{nat: {type: none, addr: 1.2.3.4}}]', false],
    ['timeoutPolicies: {a: {udp_first: 1}}', true],
    ['timeoutPolicies: {a: {udp_frist: 1}}', false],
    ['zoneLimits: {zones: {x: 1}}', false],
    ['fragments: {max: 5001}', false],
    ['sweep: {intervalMs: 0}', false],
    ['unknown: 1', false],
  ])('agree on %s', (text, good) => {
    const value: unknown = JSON.parse(JSON.stringify(parse(text)));
    expect(configSchema.safeParse(value).success).toBe(good);
    expect(check(value)).toBe(good);
  });
});
