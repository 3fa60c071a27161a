/** Whole builds of a ref and of a working tree. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { hostFolder, isSameHost, type HostBuild } from '../../../tools/regress/host-builds.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

function build(files: Readonly<Record<string, string>>): HostBuild {
  const folder = scratchFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { label: 'x', folder, cli: join(folder, 'dist', 'tools', 'cli.js') };
}

describe('whether two builds are the same', () => {
  const files = {
    'dist/tools/cli.js': 'a',
    'dist/engine/wasm/x.bare.wasm': 'b',
    'dist/engine/wasm/.build/x.bare.json': 'one',
    'dist/tools/cli.js.map': 'one',
    'README.md': 'one',
    'package-lock.json': 'c',
  };

  it('is a matter of what runs, and of nothing else', async () => {
    const base = build(files);
    const other = {
      ...files,
      'README.md': 'two',
      'dist/tools/cli.js.map': 'two',
      'dist/engine/wasm/.build/x.bare.json': 'two',
    };
    expect(await isSameHost(base, build(other))).toBe(true);
    for (const name of ['dist/tools/cli.js', 'dist/engine/wasm/x.bare.wasm', 'package-lock.json']) {
      expect([name, await isSameHost(base, build({ ...files, [name]: 'other' }))]).toEqual([name, false]);
    }
    expect(await isSameHost(base, build({ ...files, 'dist/tools/more.js': '' }))).toBe(false);
  });
});

describe('where builds are kept', () => {
  it('takes paths that are equally long, whatever names a tree, and differ', () => {
    const [sha1, sha256] = ['a'.repeat(40), 'a'.repeat(64)];
    const paths = [hostFolder('tree', sha1), hostFolder('tree', sha256), hostFolder('work', sha256)];
    expect(new Set(paths.map((path) => path.length)).size).toBe(1);
    expect(hostFolder('tree', sha1)).not.toBe(hostFolder('work', sha1));
  });
});

describe.skipIf(process.env['CTREPLAY_LONG'] === undefined)(
  'regress --against of a change outside the engine (CTREPLAY_LONG=1 runs it: it builds ctreplay twice)',
  () => {
    it('measures both whole builds, and passes a remark without', () => {
      const folder = scratchFolder();
      const git = (...args: string[]): void => {
        const { status, stderr } = spawnSync(
          'git',
          ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args],
          { encoding: 'utf8' },
        );
        if (status !== 0) throw new Error(stderr);
      };
      git('clone', '-q', '--no-hardlinks', ROOT, '.');
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
      writeFileSync(
        join(folder, 'regress.yaml'),
        'designs: [rculist-sweep]\nratios: { designs: [timeout-lists, rculist-sweep] }\nruns: { names: [loading], maxRounds: 8 }\n',
      );
      const source = join(folder, 'tools', 'captures', 'reader.ts');
      expect(existsSync(source)).toBe(true);
      const text = readFileSync(source, 'utf8');
      const gate = () => ctreplay(['regress', '--level', 'against', '--against', 'HEAD'], folder);
      writeFileSync(source, `${text}\n// A remark.\n`);
      const remark = gate();
      expect(remark.stdout).toMatch(/all that runs is the same, byte for byte/);
      expect(remark.code).toBe(0);
      writeFileSync(source, `${text}\nexport const UNUSED = 1;\n`);
      expect(gate().stdout).toMatch(/host, loading: parse-pcap, least ns a packet: /);
    }, 900_000);
  },
);
