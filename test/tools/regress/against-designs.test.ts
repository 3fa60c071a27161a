/** Designs that one of the two refs does not have. */
import { rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { wasmFolder } from '../../../engine/host/module.js';
import { compareBuilds, type AgainstCell } from '../../../tools/regress/against.js';
import { checkRegressConfig } from '../../../tools/regress/regress-config.js';
import { exitCodeOf } from '../../../tools/regress/check.js';
import { scratchFolder } from '../../support/command.js';
import { scenario } from '../../support/replay.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('are skipped, and named, whichever side lacks them', async () => {
  const cell: AgainstCell = {
    inputName: 'established',
    choice: { design: 'timing-wheel', preset: null },
    traffic: await scenario('established', { packets: 100 }),
    config: { file: null, entries: {} },
  };
  const rule = { ...checkRegressConfig({}, 'test').against, seed: 1 };
  const tools = { clock: () => 0, random: { real: () => 0.5 } };
  const older = { label: 'HEAD~9 (1a2b3c4)', folder };
  const here = { label: 'working tree', folder: wasmFolder() };
  for (const pair of [
    { base: older, head: here },
    { base: here, head: older },
  ]) {
    const check = compareBuilds(cell, pair, rule, 1, tools);
    expect(check).toMatchObject({
      name: 'established/timing-wheel',
      verdict: 'skipped',
      text: 'HEAD~9 (1a2b3c4) does not have this design, so there is nothing to compare',
    });
    expect(exitCodeOf([check], 'tell')).toBe(0);
  }
  expect(compareBuilds(cell, { base: here, head: here }, rule, 1, tools).verdict).toBe('pass');
});
