/** The package as it is installed: packed, unpacked in an empty project, its dependencies beside it and nothing else. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { scratchFolder } from '../support/command.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const project = scratchFolder();
const installed = join(project, 'node_modules', 'ctreplay');
afterAll(() => rmSync(project, { recursive: true, force: true }));

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}
let packed: Packed;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Everything that the package needs at run time, by the manifests. */
function runtimePackages(): Set<string> {
  const found = new Set<string>();
  const add = (names: readonly string[]): void => {
    for (const name of names) {
      const folder = join(ROOT, 'node_modules', name);
      if (found.has(name) || !existsSync(folder)) continue;
      found.add(name);
      const { dependencies = {}, optionalDependencies = {} } = manifestOf(folder);
      add([...Object.keys(dependencies), ...Object.keys(optionalDependencies)]);
    }
  };
  add(Object.keys(manifestOf(ROOT).dependencies ?? {}));
  return found;
}

function run(command: string, args: readonly string[], cwd = project): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const EXAMPLE = `import { bench, readCapture, readResult, replay, synth, type Result } from 'ctreplay';

const measured: Result = await replay({
  scenario: 'syn-flood',
  parameters: { packets: 2000 },
  designs: ['timeout-lists', 'rculist-sweep'],
  warmup: 0,
});
const rates: (number | null | undefined)[] = measured.cases.map((one) => one.throughput?.pps);

let frames = 0;
for (const { frame } of synth('udp-churn', { packets: 500 })) frames += frame.length > 0 ? 1 : 0;
let packets = 0;
for await (const { timestampNs } of readCapture(process.argv[2] as string)) packets += timestampNs > 0n ? 1 : 0;

const matrix = await bench({
  inputs: [{ scenario: 'syn-flood', parameters: { packets: 1000 } }],
  designs: ['timeout-lists', 'rculist-sweep'],
  sessions: 2,
  trials: 1,
  warmupBlocks: 0,
  warmupPackets: 0,
  control: 'none',
  build: 'probed',
});
const wrong = await replay({ scenario: 'no-such' }).catch((error: Error) => error.message);
const missing = await readResult('nowhere').catch((error: Error) => error.message);
console.log(JSON.stringify({ rates, frames, packets, comparisons: matrix.comparisons?.length, wrong, missing }));
`;

beforeAll(() => {
  // As packing does, which is told to run no script here: the build is there already.
  run('npm', ['run', '--silent', 'build:types'], ROOT);
  [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], ROOT),
  ) as [Packed];
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', packed.filename, '--strip-components=1', '-C', installed]);
  for (const name of runtimePackages()) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n');
  writeFileSync(join(project, 'example.ts'), EXAMPLE);
});

describe('the packed package', () => {
  it('needs no chart library', () => {
    for (const name of ['echarts', 'zrender']) expect([...runtimePackages()]).not.toContain(name);
    for (const name of ['page.js', 'page.css', 'echarts.min.js'])
      expect(existsSync(join(installed, 'dist', 'page', name)), name).toBe(true);
  });

  it('has nothing large in it but the capture and the charts, and nothing that only the repository needs', () => {
    const large = packed.files.filter(({ size }) => size > 150_000).map(({ path }) => path);
    // The last is zod, joined to one file.
    expect(large.toSorted()).toEqual([
      'captures/office-mix.pcap',
      'dist/page/echarts.min.js',
      'dist/tools/joined/schemas.js',
    ]);
    const useless = packed.files.filter(({ path }) =>
      /\.map$|\.torture\.wasm$|^test\/|^dist\/tools\/endurance/.test(path),
    );
    expect(useless).toEqual([]);
    expect(packed.unpackedSize).toBeLessThan(12e6);
  });

  it('is a library with types: the example of the README compiles under --strict and runs', () => {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
    symlinkSync(
      join(ROOT, 'node_modules', '@types', 'node'),
      join(project, 'node_modules', '@types', 'node'),
    );
    const options = [
      '--strict',
      '--target',
      'es2023',
      '--module',
      'nodenext',
      '--types',
      'node',
      '--skipLibCheck',
    ];
    run(process.execPath, [tsc, ...options, 'example.ts']);
    const capture = join(installed, 'captures', 'office-mix.pcap');
    const printed = JSON.parse(run(process.execPath, ['example.js', capture])) as Record<string, unknown>;
    expect(printed['rates']).toEqual([expect.any(Number), expect.any(Number)]);
    expect(printed).toMatchObject({ frames: 500 });
    expect(printed['packets']).toBeGreaterThan(100);
    expect(printed['comparisons']).toBeGreaterThan(0);
    expect(printed['wrong']).toMatch(/no-such/);
    expect(printed['missing']).toMatch(/there is no such file/);
  });

  it('is a program that makes a page', () => {
    const cli = join(installed, 'dist', 'tools', 'cli.js');
    const traffic = ['--synth', 'syn-flood', '--packets', '500', '--design', 'rculist-sweep'];
    run(process.execPath, [cli, 'replay', ...traffic, '--trials', '1', '--out', 'made']);
    expect(readFileSync(join(project, 'made', 'report.html'), 'utf8')).toContain('echarts');
    expect(existsSync(join(installed, 'dist', 'man', 'ctreplay-replay.1'))).toBe(true);
  });
});
