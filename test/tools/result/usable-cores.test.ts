/** Cores that a container or an affinity leaves: what is run beyond them is called by the same name by all who look at it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { register as registerModel } from '../../../tools/commands/model.js';
import { readResult } from '../../../tools/result/result-file.js';
import { usableCores } from '../../../tools/result/usable-cores.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { fakeSystem } from '../../support/fake-system.js';
import { runCommand } from '../../support/run-command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('cores that may be used', () => {
  it('one of the two: two workers are no measurement of scaling, in scale, in the warnings and in model', async () => {
    const out = join(folder, 'scale');
    const system = fakeSystem(folder, {
      files: { '/sys/devices/system/cpu/online': '0-1\n', '/proc/self/status': 'Cpus_allowed_list:\t0\n' },
    });
    const args = ['scale', '--design', 'rculist-sweep', '--workers', '2', '--packets', '2000'];
    const { code, stdout } = ctreplay(
      [...args, '--sessions', '1', '--trials', '1', '--out', out],
      folder,
      undefined,
      system,
    );
    expect(code).toBe(0);
    expect(stdout).toContain('not a measurement: more workers than the 1 core');
    const result = await readResult(out);
    expect(result.environment).toMatchObject({ coresOnline: 2, coresUsable: 1 });
    expect(usableCores(result.environment)).toBe(1);
    const [warning] = result.warnings.filter(({ code: each }) => each === 'oversubscribed');
    expect(warning?.text).toBe('cells with up to 2 workers share 1 CPU');
    const model = await runCommand(registerModel, [
      'model',
      out,
      '--cores',
      '1,2',
      '--packets',
      '1000',
      '--json',
    ]);
    const { cores, series } = JSON.parse(model.stdout);
    expect(cores).toBe(1);
    expect(series[0].heldOut).toEqual([]);
    expect(series[0].points[1]).toMatchObject({ workers: 2, oversubscribed: true, fedFrom: 1 });
  });

  it('are, in results that do not say, those that there were', () => {
    const clock = { source: 'performance.now', costNs: 40 };
    expect(usableCores({ node: 'v20', clock, coresOnline: 8 })).toBe(8);
    expect(usableCores({ node: 'v20', clock })).toBeNull();
  });
});
