import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
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

describe.skipIf(why !== null)(why ?? 'packet counts and times equal those of capinfos', () => {
  it(`for all ${captures.length} conformance captures`, async () => {
    expect(captures).toHaveLength(414);
    await expectEqualFacts(captures);
  });

  it.skipIf(!have('editcap') || !have('mergecap'))(
    'for 50 pcapng, nanosecond and gzip files made with editcap and mergecap',
    async () => {
      const made: string[] = [];
      const step = Math.floor(captures.length / 50);
      for (let index = 0; index < 50; index += 1) {
        const source = captures[index * step]!;
        const other = captures[(index * step + 7) % captures.length]!;
        const target = scratch.path(`made-${index}`);
        switch (index % 5) {
          case 0:
            execFileSync('editcap', ['-F', 'pcapng', source, target]);
            break;
          case 1:
            execFileSync('editcap', ['-F', 'nsecpcap', '-t', '0.000000123', source, target]);
            break;
          case 2:
            execFileSync('mergecap', ['-F', 'pcapng', '-w', target, source, other, captures[index]!]);
            break;
          case 3:
            execFileSync('mergecap', ['-F', 'pcapng', '-I', 'none', '-w', target, source, other]);
            scratch.write(`made-${index}`, gzipSync(readFileSync(target)));
            break;
          default:
            execFileSync('editcap', ['-F', 'nsecpcap', '-s', '60', source, target]);
            scratch.write(`made-${index}`, gzipSync(readFileSync(target)));
        }
        made.push(target);
      }
      expect(made).toHaveLength(50);
      await expectEqualFacts(made);
    },
  );
});
