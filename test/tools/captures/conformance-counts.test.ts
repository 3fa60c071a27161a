import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openCapture } from '../../../tools/captures/reader.js';
import { Scratch } from './scratch.js';

const folder = join(import.meta.dirname, '../../../../shared/conformance/captures');
const captures = existsSync(folder)
  ? readdirSync(folder)
      .filter((name) => !name.endsWith('.ctstate'))
      .map((name) => join(folder, name))
  : [];
const have = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const why =
  captures.length === 0
    ? 'skipped: the conformance captures (../shared/conformance) are not here'
    : have('capinfos')
      ? null
      : 'skipped: capinfos (Wireshark) is not installed';

const scratch = new Scratch();
afterAll(() => scratch.remove());

interface Facts {
  readonly packets: number;
  readonly firstSeconds: string;
  readonly lastSeconds: string;
}

/** Packet count and times of many files in one launch; times as seconds since 1970 with the file's digits. */
function capinfos(files: readonly string[]): Map<string, Facts> {
  const text = execFileSync('capinfos', ['-T', '-r', '-c', '-a', '-e', '-S', ...files], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const facts = new Map<string, Facts>();
  for (const line of text.split('\n')) {
    const [name, packets, firstSeconds, lastSeconds] = line.split('\t');
    if (name === undefined || packets === undefined) continue;
    facts.set(name, { packets: Number(packets), firstSeconds: firstSeconds!, lastSeconds: lastSeconds! });
  }
  return facts;
}

interface OwnFacts {
  packets: number;
  firstNs: bigint;
  lastNs: bigint;
}

async function read(file: string): Promise<OwnFacts> {
  const reader = await openCapture(file);
  const facts: OwnFacts = { packets: 0, firstNs: 1n << 70n, lastNs: -(1n << 70n) };
  try {
    for await (const batch of reader.batches()) {
      for (const { timestampNs } of batch) {
        facts.packets += 1;
        if (timestampNs < facts.firstNs) facts.firstNs = timestampNs;
        if (timestampNs > facts.lastNs) facts.lastNs = timestampNs;
      }
    }
  } finally {
    await reader.close();
  }
  return facts;
}

/** `12.345` to nanoseconds, without the rounding of a float. */
function toNs(seconds: string): bigint {
  const [whole, fraction = ''] = seconds.split('.');
  return BigInt(whole!) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

async function expectEqualFacts(files: readonly string[]): Promise<void> {
  const expected = capinfos(files);
  const different: unknown[] = [];
  for (const file of files) {
    const facts = await read(file);
    const want = expected.get(file);
    if (
      want === undefined ||
      facts.packets !== want.packets ||
      (want.packets > 0 && (facts.firstNs !== toNs(want.firstSeconds) || facts.lastNs !== toNs(want.lastSeconds)))
    ) {
      different.push({ file, facts, want });
    }
  }
  expect(different).toEqual([]);
}

type ProgramCall = readonly [program: string, ...args: string[]];
type Way = (source: string, other: string, target: string) => readonly ProgramCall[];

/** Ways to make a file of another kind; their number and that of compressions have no common divisor. */
const WAYS: readonly Way[] = [
  (source, _other, target) => [['editcap', '-F', 'pcapng', source, target]],
  (source, _other, target) => [['editcap', '-F', 'nsecpcap', '-t', '0.000000123', source, target]],
  // As many interfaces as files, packets in the order of their times.
  (source, other, target) => [['mergecap', '-F', 'pcapng', '-I', 'none', '-w', target, source, other]],
  // One after the other, so that times run backwards.
  (source, other, target) => [['mergecap', '-a', '-F', 'pcapng', '-w', target, other, source]],
  (source, _other, target) => [['editcap', '-F', 'nsecpcap', '-s', '60', source, target]],
  (source, _other, target) => [['editcap', '-F', 'pcapng', '-s', '34', source, target]],
  // The other link types, by their number in the header: what the bytes mean is tested in link-type.test.ts.
  (source, _other, target) => [['editcap', '-F', 'pcap', '-C', '14', '-T', 'rawip', source, target]],
  (source, _other, target) => [['editcap', '-F', 'pcapng', '-T', 'linux-sll', source, target]],
  (source, _other, target) => [['editcap', '-F', 'nsecpcap', '-T', 'linux-sll2', source, target]],
  // Two interfaces of different link types in one file.
  (source, other, target) => [
    ['editcap', '-F', 'pcap', '-T', 'null', other, `${target}.null`],
    ['mergecap', '-F', 'pcapng', '-w', target, source, `${target}.null`],
  ],
  (source, _other, target) => [['editcap', '-F', 'pcap', '-T', 'loop', source, target]],
];

const plain = (bytes: Buffer): Buffer => bytes;
/** zstd, or gzip where the program is missing or capinfos was built without zstd. */
function zstd(bytes: Buffer): Buffer {
  if (!have('zstd')) return gzipSync(bytes);
  const compressed = execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 1 << 28 });
  try {
    execFileSync('capinfos', ['-c', scratch.write('probe.zst', compressed)], { stdio: 'ignore' });
    return compressed;
  } catch {
    return gzipSync(bytes);
  }
}
const COMPRESSIONS = [plain, gzipSync, plain, zstd] as const;

describe.skipIf(why !== null)(why ?? 'packet counts and times equal those of capinfos', () => {
  it(`for all ${captures.length} conformance captures`, async () => {
    expect(captures).toHaveLength(414);
    await expectEqualFacts(captures);
  });

  it.skipIf(!have('editcap') || !have('mergecap'))(
    'for 50 pcapng, nanosecond, gzip, zstd and cut files of several link types made with editcap and mergecap',
    async () => {
      const made: string[] = [];
      const step = Math.floor(captures.length / 50);
      for (let index = 0; index < 50; index += 1) {
        const source = captures[index * step]!;
        const other = captures[(index * step + 7) % captures.length]!;
        const target = scratch.path(`made-${index}`);
        const make = WAYS[index % WAYS.length]!;
        for (const [program, ...args] of make(source, other, target)) execFileSync(program, args);
        const compress = COMPRESSIONS[index % COMPRESSIONS.length]!;
        scratch.write(`made-${index}`, compress(readFileSync(target)));
        made.push(target);
      }
      expect(made).toHaveLength(50);
      await expectEqualFacts(made);
    },
  );
});
