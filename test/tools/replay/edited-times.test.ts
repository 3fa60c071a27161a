import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { register as replay } from '../../../tools/commands/replay.js';
import { readConfig } from '../../../tools/config/read-config.js';
import { createRules, rulesOf } from '../../../tools/config/rules.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import { readPackets } from '../../../tools/oracle/capture-run.js';
import { durationText, plannedRun, plannedText } from '../../../tools/replay/planned-run.js';
import { framesOf, isStreamed } from '../../../tools/replay/packet-source.js';
import type { Result } from '../../../tools/result/schema.js';
import { convertCapture } from '../../../tools/captures/prepare.js';
import { pcapBytes, type PcapBytesRecord } from '../captures/pcap-bytes.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { captured, caseOf, design, framesIn, quickPlan } from '../../support/replay.js';
import { runCommand } from '../../support/run-command.js';

const DESIGN = availableDesigns()[0] as string;
const folder = scratchFolder();

function capture(name: string, records: readonly PcapBytesRecord[]): string {
  const file = join(folder, name);
  writeFileSync(file, pcapBytes(records));
  return file;
}

/** One packet at each of these seconds. */
function atSeconds(name: string, seconds: readonly number[]): string {
  return capture(
    name,
    seconds.map((each, index) => ({ seconds: each, data: udpFrame({ srcPort: 1000 + index }) })),
  );
}

const SECOND = 1e9;

describe('--max-gap', () => {
  async function timesOf(
    file: string,
    maxGapNs: number | null,
    filter: string | null = null,
  ): Promise<number[]> {
    return [...framesOf(await captured([file], { filter, maxGapNs })).timesNs];
  }

  it('shortens longer pauses, and moves everything behind them', async () => {
    const file = atSeconds('gaps.pcap', [0, 1, 65_537, 65_538, 65_542, 65_542]);
    expect(await timesOf(file, null)).toEqual([0, 1, 65_537, 65_538, 65_542, 65_542].map((s) => s * SECOND));
    expect(await timesOf(file, 2 * SECOND)).toEqual([0, 1, 3, 4, 6, 6].map((s) => s * SECOND));
    expect(await timesOf(file, SECOND / 2)).toEqual([0, 0.5, 1, 1.5, 2, 2].map((s) => s * SECOND));
    // Times that go back are no pause, before and after.
    expect(await timesOf(atSeconds('back.pcap', [0, 65_536, 0, 1]), SECOND)).toEqual(
      [0, 1, 1, 1].map((s) => s * SECOND),
    );
  });

  it('counts between packets that stay', async () => {
    const file = atSeconds('kept.pcap', [0, 3, 6, 9]);
    expect(await timesOf(file, 4 * SECOND, 'not src port 1001')).toEqual([0, 4, 7].map((s) => s * SECOND));
  });

  it('is an option of replay, in memory and streamed', async () => {
    const file = atSeconds('long.pcap', [0, 65_536, 65_536]);
    const args = ['replay', file, '--multiplier', '1', '--max-gap', '150ms', '--json', '--design', DESIGN];
    const { code, stdout, stderr } = await runCommand(replay, args);
    // Whether the rate is held is up to the machine.
    expect([0, 1], stderr).toContain(code);
    expect(stderr).toContain('Planned: 150 ms\n');
    expect((JSON.parse(stdout) as Result).cases[0]?.elapsedNs).toBeGreaterThanOrEqual(150e6);
    const streamed = await captured([file], { maxGapNs: 150e6, storeBytes: 1 });
    expect(isStreamed(streamed)).toBe(true);
    expect(streamed).toMatchObject({ lastNs: 150e6, longestGap: { ns: 150e6, beforeIndex: 1 } });
  });
});

describe('the planned duration', () => {
  const once = { loops: 1, durationMs: null, burst: 1 };

  it('is known before the start, with the pause that makes it long', async () => {
    const file = atSeconds('day.pcap', [0, 65_536, 0, 65_540]);
    for (const storeBytes of [1e9, 1]) {
      const traffic = await captured([file], { storeBytes });
      expect(isStreamed(traffic)).toBe(storeBytes === 1);
      const plan = plannedRun(traffic, { ...once, pacing: { mode: 'multiplier', multiplier: 1 } });
      expect(plan).toEqual({
        durationNs: 65_540 * SECOND,
        longestPause: { ns: 65_536 * SECOND, beforeIndex: 1 },
      });
      expect(plannedText(plan, 2)).toBe(
        'Planned: 18 h 12 min, for each of 2 designs; the longest pause is 18 h 12 min, before packet 2 (--max-gap shortens pauses)',
      );
      const fast = plannedRun(traffic, { ...once, pacing: { mode: 'multiplier', multiplier: 65_540 } });
      expect(plannedText(fast, 1)).toBe('Planned: 1 s');
    }
  });

  it('follows rate, bursts, loops and --duration', async () => {
    const traffic = await captured([atSeconds('eleven.pcap', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])]);
    const seconds = (options: Partial<Parameters<typeof plannedRun>[1]>): number =>
      (plannedRun(traffic, { ...once, pacing: { mode: 'pps', pps: 10 }, ...options })?.durationNs ??
        Number.NaN) / SECOND;
    expect(seconds({})).toBeCloseTo(1, 9);
    expect(seconds({ loops: 3 })).toBeCloseTo(3.2, 9);
    expect(seconds({ burst: 4 })).toBeCloseTo(0.8, 9);
    expect(seconds({ loops: null, durationMs: 500 })).toBeCloseTo(0.5, 9);
    expect(seconds({ pacing: { mode: 'multiplier', multiplier: 2 }, loops: 2 })).toBeCloseTo(
      (11 + 10) / 2,
      9,
    );
    const points = [
      { atMs: 0, pps: 10 },
      { atMs: 500, pps: 1 },
    ];
    expect(seconds({ pacing: { mode: 'profile', profile: { points, shape: 'step' } } })).toBeCloseTo(5.5, 9);
    // The last of eleven frames of one length.
    const mbps = (traffic.frameBytes * 8) / 1e6;
    expect(seconds({ pacing: { mode: 'mbps', mbps } })).toBeCloseTo(10 / 11, 9);
    expect(plannedRun(traffic, { ...once, pacing: { mode: 'topspeed' } })).toBeNull();
    expect(plannedText(null, 1)).toBeNull();
  });

  it('is told on standard error, unless --quiet', async () => {
    const file = atSeconds('quick.pcap', [0, 0, 1]);
    const args = ['replay', file, '--multiplier', '50', '--json', '--design', DESIGN];
    expect((await runCommand(replay, args)).stderr).toContain('Planned: 20 ms');
    expect((await runCommand(replay, [...args, '--quiet'])).stderr).not.toContain('Planned');
  });

  it('is told in two units', () => {
    const texts = [0.0005, 1.5, 59.94, 60, 61, 3600, 65_536, 90_000, 86_400 * 3].map((s) =>
      durationText(s * SECOND),
    );
    expect(texts).toEqual([
      '0.5 ms',
      '1.5 s',
      '59.9 s',
      '1 min',
      '1 min 1 s',
      '1 h',
      '18 h 12 min',
      '1 d 1 h',
      '3 d',
    ]);
    expect(durationText(Number.POSITIVE_INFINITY)).toBe('until it is stopped');
  });
});

describe('filters by length', () => {
  const short = udpFrame({ srcPort: 1, payload: new Uint8Array(10) });
  const long = udpFrame({ srcPort: 2, payload: new Uint8Array(30) });
  /** As a snap length of 60 leaves them: the second one had 1400 bytes. */
  const cut = capture('cut.pcap', [
    { data: short },
    { data: long.subarray(0, 60), original: 1400 },
    { data: short, original: 20 },
  ]);

  async function kept(file: string, filter: string, snapLength: number | null = null): Promise<number[]> {
    return framesIn(await captured([file], { filter, snapLength })).map(({ frame }) => frame[35] as number);
  }

  it('look at the length on the wire, in captures of every format', async () => {
    await convertCapture(cut, join(folder, 'cut.ctp'), 'ctp');
    for (const file of [cut, join(folder, 'cut.ctp')]) {
      expect(await kept(file, 'greater 1000')).toEqual([2]);
      expect(await kept(file, 'less 60')).toEqual([1, 1]);
      expect(await kept(file, 'greater 1000', 50)).toEqual([2]);
    }
    // A length on the wire below the captured one counts as it is; a prepared capture does not keep it.
    expect(await kept(cut, 'less 20')).toEqual([1]);
  });

  it('do so in the rules of a configuration, in memory, streamed, and in a trace', async () => {
    const configFile = join(folder, 'rules.yaml');
    writeFileSync(
      configFile,
      "rules:\n  - match: 'greater 1000'\n    zone: 7\n    commit: true\n  - zone: 3\n    commit: true\n",
    );
    const config = readConfig(configFile);
    for (const storeBytes of [1e9, 1]) {
      const traffic = await captured([cut], { storeBytes });
      const roomy = isStreamed(traffic) ? { ...traffic, storeBytes: 1 << 20 } : traffic;
      const finished = await runDesign(roomy, design(DESIGN), quickPlan({ config }));
      // Two connections in zone 7 and 3; without the wire length both were in zone 3.
      expect(caseOf(finished).packets.injected).toBe(3);
      const { requests } = rulesOf(finished.plan.config);
      if (storeBytes > 1) expect(requests.map(({ zone }) => zone)).toEqual([3, 7]);
    }
    const rules = createRules(config);
    const zones: (number | undefined)[] = [];
    for await (const packet of readPackets([cut])) {
      zones.push(rules.requests[rules.choose({ ...packet, worker: 0 })]?.zone);
    }
    expect(zones).toEqual([3, 7, 3]);
  });

  it('a filter that keeps nothing is named, with what it looked at', async () => {
    await expect(kept(cut, 'tcp and port 99')).rejects.toThrow(
      "cut.pcap: --filter 'tcp and port 99' keeps none of the 3 packets",
    );
    const { code, stderr } = await runCommand(replay, ['replay', cut, '--filter', 'icmp']);
    expect(code).toBe(1);
    expect(stderr).toContain("--filter 'icmp' keeps none of the 3 packets");
  });
});
