/**
 * How much faster a prepared capture loads than pcap-parser alone reads the same packets, and than capinfos counts them: medians of
 * rounds in turns. Run with CTREPLAY_LONG=1; the figures are printed, and the margins asserted are wide. What it takes to keep the
 * packets is printed only: it differs most from day to day.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'pcap-parser';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { openCapture } from '../../../tools/captures/reader.js';
import { PreparedWriter } from '../../../tools/captures/prepared-writer.js';
import { openScenario } from '../../../tools/synth/registry.js';
import { drainSource } from '../../../tools/synth/write-capture.js';
import { captured } from '../../support/replay.js';
import { Scratch } from './scratch.js';

const PACKETS = 1_000_000;
const ROUNDS = 9;
const scratch = new Scratch();
afterAll(() => scratch.remove());

const haveCapinfos = ((): boolean => {
  try {
    execFileSync('capinfos', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Packets that pcap-parser counts. */
function parseAlone(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let packets = 0;
    const parser = parse(createReadStream(path));
    parser.on('packet', () => {
      packets += 1;
    });
    parser.on('end', () => resolve(packets));
    parser.on('error', reject);
  });
}

async function readVerified(path: string): Promise<number> {
  const reader = await openCapture(path, { blocks: true });
  let packets = 0;
  for await (const block of reader.blocks()) packets += block.count;
  await reader.close();
  return packets;
}

function capinfosCount(path: string): number {
  const text = execFileSync('capinfos', ['-c', '-M', path], { encoding: 'utf8' });
  return Number(/packets: *(\d+)/.exec(text)?.[1]);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

describe.skipIf(!process.env['CTREPLAY_LONG'])('loading a prepared capture of a million packets (CTREPLAY_LONG=1)', () => {
  it.each(['mix', 'tcp-crr'])('%s: against pcap-parser and capinfos', { timeout: 300_000 }, async (scenario) => {
    const pcap = scratch.path(`${scenario}.pcap`);
    const ctp = scratch.path(`${scenario}.ctp`);
    // pcap-parser knows microsecond files only.
    const writers = [new PcapWriter(pcap, { resolution: 'micro' }), new PreparedWriter(ctp)];
    drainSource(openScenario(scenario, { packets: PACKETS }, 1).source, (record) => {
      for (const writer of writers) writer.write(record);
    });
    for (const writer of writers) writer.close();
    const ways: Record<string, () => number | Promise<number>> = {
      'pcap-parser': () => parseAlone(pcap),
      'every byte read and verified': () => readVerified(ctp),
      'read, hashed and kept': async () => (await captured([ctp])).packets,
      ...(haveCapinfos ? { 'capinfos -c (process)': () => capinfosCount(pcap) } : {}),
    };
    const timesMs = new Map(Object.keys(ways).map((name): [string, number[]] => [name, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, read] of Object.entries(ways)) {
        const startMs = performance.now();
        const packets = await read();
        timesMs.get(name)?.push(performance.now() - startMs);
        expect([name, packets]).toEqual([name, PACKETS]);
      }
    }
    const medianMs = new Map([...timesMs].map(([name, values]) => [name, median(values)]));
    console.log(scenario, Object.fromEntries([...medianMs].map(([name, ms]) => [name, `${ms.toFixed(1)} ms`])));
    const parserMs = medianMs.get('pcap-parser') as number;
    const verifiedMs = medianMs.get('every byte read and verified') as number;
    expect(parserMs / verifiedMs).toBeGreaterThan(5);
    if (haveCapinfos) expect(verifiedMs).toBeLessThan(1.5 * (medianMs.get('capinfos -c (process)') as number));
  });
});
