import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = ['micro', '--filter', '^mutex/pair', '--time', '2ms'];

describe('micro --out', () => {
  it('is made before anything is measured', async () => {
    writeFileSync(join(folder, 'file'), '');
    const { code, stderr, stdout } = await runCommandLine([...SMALL, '--out', 'file'], folder);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('--out file: it, or what it lies in, is a file; name another folder');
  });

  it('takes micro.json and micro.csv', async () => {
    expect((await runCommandLine([...SMALL, '--out', 'made/here'], folder)).code).toBe(0);
    for (const name of ['micro.json', 'micro.csv']) {
      expect(readFileSync(join(folder, 'made', 'here', name), 'utf8')).toContain('mutex/pair');
    }
  });
});
