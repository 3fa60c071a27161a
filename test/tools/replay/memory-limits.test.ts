/** Memory that the system does not give: an error that names the limit, and the doctor finds it before. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { stagingLimitBytes } from '../../../tools/replay/memory-check.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { fakeSystem } from '../../support/fake-system.js';

const CLI = join(dirname(fileURLToPath(import.meta.url)), '../../../dist/tools/cli.js');
const folder = scratchFolder();
const hasUlimit = process.platform === 'linux' && existsSync('/bin/sh');
const TIMEOUT_MS = 60_000;

/** Runs the program with an address space of so many KiB. */
function limited(kib: number, ...args: string[]) {
  const command = `ulimit -v ${kib} && exec "$0" "$@"`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command, process.execPath, CLI, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Enough for Node, and for the first memory of an engine but not the second. */
const LIMITS_KIB = [4_000_000, 14_000_000];
const REPLAY = [
  'replay',
  '--synth',
  'syn-flood',
  '--packets',
  '1000',
  '--design',
  'rculist-sweep',
  '--quiet',
];

describe.skipIf(!hasUlimit)('ulimit -v', () => {
  it.each(LIMITS_KIB)(
    '%d KiB: the error names the limit and what lifts it, without a stack',
    (kib) => {
      const { status, stderr } = limited(kib, ...REPLAY);
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^ctreplay: design rculist-sweep: the system does not give \d+ MiB of memory: the address space of the process is limited to [\d.]+ GiB \(ulimit -v\)/,
      );
      expect(stderr).toMatch(/'ulimit -v unlimited'/);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    },
    TIMEOUT_MS,
  );

  it(
    'the doctor finds it',
    () => {
      const { stdout } = limited(4_000_000, 'doctor', '--json');
      const found = JSON.stringify(JSON.parse(stdout));
      expect(found).toMatch(/"name":"address space","state":"blocks"/);
      expect(found).toMatch(/limited to 3\.81 GiB \(ulimit -v\)/);
    },
    TIMEOUT_MS,
  );
});

describe('the limit of a container', () => {
  const container = (bytes: number): { NODE_OPTIONS: string } =>
    fakeSystem(folder, {
      files: { '/proc/self/cgroup': '0::/box\n', '/sys/fs/cgroup/box/memory.max': `${bytes}\n` },
    });

  it(
    'a run that would be ended by it is refused, and named',
    () => {
      const { code, stderr } = ctreplay(
        [...REPLAY.slice(0, 3), '--packets', '400k', '--design', 'rculist-sweep', '--quiet'],
        folder,
        undefined,
        container(200 * 1024 ** 2),
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^ctreplay: design rculist-sweep: the control group \(container\) allows 200 MiB of memory: /,
      );
      expect(stderr).toMatch(/Raise the limit, or lower --store/);
    },
    TIMEOUT_MS,
  );

  it(
    'one that fits runs, and the doctor tells of the limit',
    () => {
      const env = container(900 * 1024 ** 2);
      expect(ctreplay(REPLAY, folder, undefined, env)).toMatchObject({ code: 0 });
      expect(ctreplay(['doctor'], folder, undefined, env).stdout).toMatch(
        /limited to 900 MiB by the control group/,
      );
    },
    TIMEOUT_MS,
  );

  it('traffic is staged only as far as it leaves room', () => {
    const files = (text: string | null) => ({
      read: (path: string) =>
        path === '/proc/self/cgroup' ? '0::/\n' : path.endsWith('memory.max') ? text : null,
      link: () => null,
      list: () => null,
    });
    expect(stagingLimitBytes(files('max\n'))).toBe(Number.POSITIVE_INFINITY);
    expect(stagingLimitBytes(files(`${6 * 1024 ** 3}\n`))).toBeLessThan(2 * 1024 ** 3);
    expect(stagingLimitBytes(files('1000000\n'))).toBe(1024 ** 2);
  });
});
