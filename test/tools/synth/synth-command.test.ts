import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCapture } from '../../../tools/captures/reader.js';
import { SCENARIOS } from '../../../tools/synth/registry.js';
import { CAPTURE_START_NS } from '../../../tools/synth/write-capture.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { collect } from './support/collect.js';
import { title, VARIANTS, type Variant } from './support/variants.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const PACKETS = 2000;
/** Every scenario once, and in the long run with every set of parameters. */
const TRIED: readonly Variant[] = process.env['CTREPLAY_LONG']
  ? VARIANTS
  : SCENARIOS.map(({ name }) => VARIANTS.findLast((variant) => variant.name === name)!);

const optionsOf = ({ parameters }: Variant): string[] =>
  Object.entries(parameters).flatMap(([name, value]) => [`--${name}`, String(value)]);

describe('ctreplay synth', () => {
  it.each(TRIED.map((variant) => ({ variant, title: title(variant) })))(
    '$title: the file holds the packets that are fed directly',
    async ({ variant }) => {
      const args = ['synth', variant.name, '-o', 'out.pcap', '--packets', String(PACKETS), '--seed', '9'];
      const { code, stdout } = await runCommandLine([...args, ...optionsOf(variant)], folder);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(
          /^out\.pcap: 2000 packets, \d+ bytes of frames over [\d.]+ s, seed 9\n$/,
        ),
      });
      const direct = collect(variant.name, { ...variant.parameters, packets: PACKETS }, 9);
      const reader = await openCapture(join(folder, 'out.pcap'));
      let index = 0;
      const different: number[] = [];
      for await (const { frame, originalLength, timestampNs } of reader) {
        const packet = direct[index]!;
        index += 1;
        const same =
          Buffer.from(frame).equals(packet.frame) &&
          originalLength === packet.frame.length &&
          timestampNs === CAPTURE_START_NS + BigInt(packet.timestampNs);
        if (!same) different.push(index);
      }
      expect({ packets: index, different }).toEqual({ packets: PACKETS, different: [] });
      expect(reader.format).toBe('pcap-ns');
    },
  );

  it('gives the verdicts of the file when the scenario is replayed directly', async () => {
    const common = [
      ...['--design', 'rculist-sweep', '--clock', 'capture', '--build', 'probed', '--warmup', '0'],
      ...['--json', '--quiet'],
    ];
    const scenario = ['--packets', '3000', '--cps', '1k', '--active-flows', '50', '--pps', '10k'];
    const synth = ['synth', 'tcp-crr', '-o', 'crr.pcap', '--seed', '4', ...scenario];
    const written = await runCommandLine(synth, folder);
    expect(written.code).toBe(0);
    const verdicts = async (args: readonly string[]): Promise<unknown> => {
      const replay = ['replay', ...args, '--seed', '4', ...common];
      const { stdout, stderr } = await runCommandLine(replay, folder);
      // Not the exit code: on a machine too busy to measure on the result is called invalid, and its counts are right.
      expect(stdout, stderr).not.toBe('');
      return JSON.parse(stdout).cases.map((each: { packets: unknown }) => each.packets);
    };
    const fromFile = await verdicts(['crr.pcap']);
    expect(fromFile).toHaveLength(1);
    expect(fromFile).toMatchObject([{ injected: 3000, byClass: { new: expect.any(Number) } }]);
    expect(await verdicts(['--synth', 'tcp-crr', ...scenario])).toEqual(fromFile);
  });

  it('the same seed gives the same file, byte for byte; another seed another', async () => {
    const make = async (file: string, seed: string): Promise<Buffer> => {
      const args = ['synth', 'mix', '-o', file, '--packets', '500', '--seed', seed];
      expect((await runCommandLine(args, folder)).code).toBe(0);
      return readFileSync(join(folder, file));
    };
    const first = await make('a.pcap', '7');
    expect((await make('b.pcap', '7')).equals(first)).toBe(true);
    expect((await make('c.pcap', '8')).equals(first)).toBe(false);
  });

  it('lists the scenarios, and says in the help of each what its parameters are, with units', async () => {
    const listed = await runCommandLine(['synth', '--list', '--json'], folder);
    expect(JSON.parse(listed.stdout).map(({ name }: { name: string }) => name)).toEqual(
      SCENARIOS.map(({ name }) => name),
    );
    const { stdout: help } = await runCommandLine(['synth', 'syn-flood', '--help'], folder);
    expect(help).toMatch(/--pps <packets\/s>/);
    expect(help).toMatch(/Example:\n {2}ctreplay synth syn-flood -o syn-flood\.pcap/);
  });

  it('is documented: every scenario and parameter, with its default', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/scenarios.md'), 'utf8');
    for (const { name, parameters } of SCENARIOS) {
      const section = text.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
      for (const spec of parameters.filter((each) => each.name !== 'packets' && each.name !== 'pps')) {
        const row = section.split('\n').find((line) => line.startsWith(`| \`--${spec.name}\``)) ?? '';
        expect(row, `${name} --${spec.name}`).toContain(spec.description.replaceAll('|', '\\|'));
        if (typeof spec.default === 'number') expect(row).toContain(spec.default.toLocaleString('en-US'));
      }
    }
  });

  it.each([
    ['an unknown scenario', ['syn-flod', '-o', 'x.pcap'], /did you mean syn-flood/],
    ['no scenario', [], /name a scenario/],
    ['an unknown option', ['syn-flood', '-o', 'x.pcap', '--sorces', '5'], /--sorces.*\n.*--sources/],
    [
      'a value out of range',
      ['tcp-crr', '-o', 'x.pcap', '--pps', '0'],
      /--pps is '0', not a number from 0\.001/,
    ],
    [
      'a rate that cannot be',
      ['tcp-crr', '-o', 'x.pcap', '--cps', '1M', '--pps', '1k'],
      /--cps 1000000 needs at least/,
    ],
    [
      'a rate that the shortest of the mice cannot keep',
      ['elephants-and-mice', '-o', 'x.pcap', '--cps', '1k', '--mouse-bytes', '100k'],
      /--cps 1000 needs at least 111000 packets\/s \(111 packets a connection\), but has 20000/,
    ],
    ['a seed that is none', ['tcp-crr', '-o', 'x.pcap', '--seed', '-1'], /--seed is '-1'/],
    ['a word too many', ['tcp-crr', 'udp-churn', '-o', 'x.pcap', '--packets', '9'], /too many arguments/],
    [
      'JSON of a file',
      ['tcp-crr', '-o', 'x.pcap', '--packets', '9', '--json'],
      /--json is of ctreplay synth/,
    ],
    [
      'times beyond 2106',
      ['tcp-crr', '-o', 'x.pcap', '--packets', '3M', '--pps', '0.001'],
      /--packets 3000000 at --pps 0\.001 take 2999999000 s.*raise --pps/,
    ],
    ['a weight without end', ['mix', '-o', 'x.pcap', '--mix', 'tcp-crr=1e999'], /'tcp-crr=1e999'.*at most/],
    [
      'ports beyond the last',
      ['port-scan', '-o', 'x.pcap', '--packets', '9', '--first-port', '60k', '--ports', '6k'],
      /--first-port 60000 and --ports 6000 go beyond port 65535/,
    ],
    ['a directory to write', ['tcp-crr', '-o', '.'], /no regular file/],
    ['no output', ['tcp-crr'], /--out /],
  ])('%s: exit code 2, a message, and no file', async (_what, args, message) => {
    const { code, stderr, stdout } = await runCommandLine(['synth', ...args], folder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, 'x.pcap'))).toBe(false);
    expect(existsSync(join(folder, 'x.pcap.partial'))).toBe(false);
  });
});

/**
 * Scenarios whose flows are the connections that --cps counts: not where there is other traffic beside them (syn-flood), where a
 * connection opens more of them (ftp-alg), or where it has nothing more to say, so that --pps opens others (fragments).
 */
const RATED = SCENARIOS.filter(({ parameters }) => {
  const names = new Set(parameters.map(({ name }) => name));
  return names.has('cps') && names.has('active-flows');
})
  .map(({ name }) => name)
  .filter((name) => !['syn-flood', 'ftp-alg', 'fragments'].includes(name));

describe('--cps and --active-flows', () => {
  it.each(RATED)('%s opens connections at the rate asked for, whatever the packet rate', (name) => {
    for (const pps of [10_000, 40_000]) {
      const cps = 200;
      const packets = collect(name, { packets: pps * 2, pps, cps, 'active-flows': 40 }, 5);
      const flows = new Set(packets.map(({ flowIndex }) => flowIndex)).size;
      // Two seconds; the long-lived part of a scenario adds what it keeps open from the start.
      expect(flows).toBeGreaterThanOrEqual(2 * cps - 2);
      expect(flows).toBeLessThanOrEqual(2 * cps + 42);
    }
  });
});

describe('--cps near the most that --pps can carry', () => {
  it.each([
    ['udp-churn', { 'answer-share': 0.1 }, 9000],
    ['icmp-mix', { 'error-share': 0, 'unsolicited-share': 1 }, 9900],
    ['fragments', { 'datagram-bytes': 100, 'ip6-share': 0, 'answer-share': 0 }, 9900],
    ['tcp-crr', { 'reset-share': 1 }, 1400],
  ])('%s with %j keeps it', (name, parameters, cps) => {
    const packets = collect(
      name,
      { ...parameters, cps, packets: 10_000, pps: 10_000, 'active-flows': 40 },
      5,
    );
    const flows = new Set(packets.map(({ flowIndex }) => flowIndex)).size;
    expect(flows / cps).toBeGreaterThan(0.98);
    expect(flows / cps).toBeLessThan(1.02);
  });
});

const haveCapinfos = ((): boolean => {
  try {
    execFileSync('capinfos', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

it.skipIf(!haveCapinfos)(
  'capinfos counts the packets of a file that was written (skipped where it is not installed)',
  async () => {
    const args = ['synth', 'fragments', '-o', 'f.pcap', '--packets', '1234'];
    expect((await runCommandLine(args, folder)).code).toBe(0);
    const line = execFileSync('capinfos', ['-T', '-m', '-r', '-c', join(folder, 'f.pcap')], {
      encoding: 'utf8',
    });
    expect(line.trim().split(',').at(-1)?.replaceAll('"', '')).toBe('1234');
  },
);
