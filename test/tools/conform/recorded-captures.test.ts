import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { availableDesigns, resolveDesigns, type DesignChoice } from '../../../engine/host/designs.js';
import { readConfig } from '../../../tools/config/read-config.js';
import { readConformInput, type ConformInput } from '../../../tools/conform/conform-input.js';
import type { ConformRun } from '../../../tools/conform/conform-run.js';
import { compareDesign } from '../../../tools/conform/run-conform.js';
import { runThroughTracker } from '../../../tools/conform/tracker-run.js';
import { statesOf, throughOvs, unexplained } from './inputs.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';
import { recordedRun, recordRun, type AskedRun } from './recorded-run.js';

const CAPTURES = join(import.meta.dirname, '../../../captures/conform');
const QUOTE = 'revision ed44eefb8';
const MTU = 'a defect of every revision';

/** Capture, configuration, and which packets Debian's Open vSwitch 3.1.0 treats differently, with the explanation. */
const RECORDED: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['ftp-active-snat', 'ftp-snat', {}],
  ['ftp-passive-snat', 'ftp-snat', {}],
  ['ftp-ipv6-snat', 'ftp-snat-ipv6', {}],
  ['ftp-dnat', 'ftp-dnat', {}],
  ['tftp-snat', 'tftp-snat', {}],
  ['icmp-errors-snat', 'snat', { 'frame of 19': QUOTE }],
  ['icmp-errors-snat-ipv6', 'snat-ipv6', { 'frame of 10': MTU, 'frame of 12': MTU, 'frame of 17': QUOTE }],
  ['icmp-errors-dnat', 'dnat', { 'frame of 15': QUOTE }],
  ['udp-fragments-snat', 'snat', {}],
  ['snat-port-range', 'snat-port-range', {}],
];

type Loaded = AskedRun & { readonly input: ConformInput };
type Ask = (capture: string, input: ConformInput) => AskedRun | Promise<AskedRun>;

/** Asks the switch, and keeps the answer in test/proof where that is asked for. */
async function askAnew(capture: string, input: ConformInput): Promise<AskedRun> {
  const asked = await throughOvs(input);
  if (process.env['CTREPLAY_RECORD_PROOF'] === '1') recordRun(capture, asked);
  return asked;
}

/** Loads a capture and what the switch does with it: once for all tests. */
function loader(ask: Ask): (capture: string, config: string) => Promise<Loaded> {
  const loaded = new Map<string, Promise<Loaded>>();
  return (capture, config) => {
    const known = loaded.get(capture);
    if (known !== undefined) return known;
    const loading = (async (): Promise<Loaded> => {
      const settings = readConfig(join(CAPTURES, `${config}.yaml`));
      const input = await readConformInput([join(CAPTURES, `${capture}.pcap`)], settings, 'capture');
      return { input, ...(await ask(capture, input)) };
    })();
    loaded.set(capture, loading);
    return loading;
  };
}

/** Everywhere what the switch answered once; where there is one, it is asked anew as well. */
const ANSWERS: readonly (readonly [title: string, ask: Ask, missing: string | null])[] = [
  ['recorded traffic as Open vSwitch answered once', recordedRun, null],
  ['recorded traffic through Open vSwitch', askAnew, ovsMissing],
];

for (const [title, ask, missing] of ANSWERS) {
  const load = loader(ask);
  describe.skipIf(missing !== null)(orWhySkipped(title, missing), () => {
    describe.each(RECORDED)('%s', (capture, config, expected) => {
      test.each(availableDesigns())('%s agrees about every packet and the table', async (design) => {
        const { input, run, version } = await load(capture, config);
        const report = compareDesign({ design, preset: null }, input, run, version);
        expect(unexplained(report)).toEqual([]);
        expect(report.compared).toBe(input.packets.length);
        expect(run.table.length).toBeGreaterThan(0);
        if (!version.includes(' 3.1.')) return;
        const found = report.differences.map(({ place, explanation }) => [
          place.split(' at ')[0],
          explanation,
        ]);
        expect(found).toEqual(
          Object.entries(expected).map(([place, text]) => [place, expect.stringContaining(text)]),
        );
      });
    });

    test('the port range runs out, and comes back when its connections have expired', async () => {
      const { input, run } = await load('snat-port-range', 'snat-port-range');
      // Ports of our own choice: the same clients are served and refused, and each translated one holds a port alone.
      const free: ConformRun = { ...run, packets: run.packets.map((packet) => ({ ...packet, outputs: [] })) };
      const requestsOnly = (states: readonly string[]): string[] =>
        states.filter((_state, index) => isRequest(input.packets[index]!.frame));
      const theirs = requestsOnly(statesOf(run));
      expect(theirs.filter((state) => state === 'new|trk').length).toBeGreaterThan(4);
      for (const choice of resolveDesigns('all')) {
        const own = runThroughTracker(choice, input, free);
        const ports = own.table.map(({ reply }) => reply.ports?.[1]);
        expect(new Set(ports).size).toBe(8);
        expect(Math.min(...(ports as number[]))).toBe(40_000);
        expect(Math.max(...(ports as number[]))).toBe(40_007);
        // Which client an answer reaches depends on the choice; the requests' fate does not, until answers count.
        const refused = (states: readonly string[]): number[] =>
          states.flatMap((state, index) => (state === 'new|trk' ? [index] : []));
        expect(refused(requestsOnly(statesOf(own)))).toEqual(refused(theirs));
      }
    });

    test('a tracker that was told something else does not pass', async () => {
      const { input, run, version } = await load('ftp-active-snat', 'ftp-snat');
      const design: DesignChoice = { design: 'rculist-sweep', preset: null };
      const withoutHelper = input.requests.map(({ helper: _helper, ...request }) => request);
      const report = compareDesign(design, { ...input, requests: withoutHelper }, run, version);
      expect(report.agreeing).toBeLessThan(report.compared);
      expect(unexplained(report).some((text) => text.startsWith('table '))).toBe(true);
      expect(unexplained(report).some((text) => text.startsWith('state '))).toBe(true);
    });
  });
}

/** From the clients: 10.1.1.0/24. */
function isRequest(frame: Uint8Array): boolean {
  return frame[26] === 10 && frame[27] === 1 && frame[28] === 1;
}
