/**
 * Every timed run as the gate makes it, once and shorter (with CTREPLAY_LONG=1 in full): that its figures are read off what the
 * command prints. Those of the locks take seconds all the same, so on request.
 */
import { describe, expect, it } from 'vitest';
import { compiledFile } from '../../../tools/captures/compiled-file.js';
import { runForJson, TimedRunError } from '../../../tools/regress/run-command.js';
import { TIMED_RUN_NAMES, TIMED_RUNS, type TimedRunName } from '../../../tools/regress/timed-runs.js';

const CLI = compiledFile('tools/cli.js');
const DESIGNS = ['timeout-lists', 'rculist-sweep'];

const EXPECTED: Readonly<Record<TimedRunName, readonly string[]>> = {
  sweeps: ['cleaned, ns a connection', 'flushed, ns a connection', 'looked-at, ns a connection'],
  locks: [
    'established, w2: bare packets/s',
    'syn-flood, w2: bare packets/s',
    'syn-flood, w2: contended share of ct_lock',
  ],
  paced: ['p99 of service over its median', 'slow packets'],
  expiry: ['median lag of removal, tracker time', 'p99 lag of removal, tracker time'],
  loading: ['parse-pcap, least ns a packet', 'walk, ns a packet', 'place, least ns a packet'],
};

const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;
/** Said after the gate's own arguments, and so instead of them. */
const SHORTER: Readonly<Partial<Record<TimedRunName, readonly string[]>>> = {
  sweeps: ['--rounds', '1'],
  paced: ['--packets', '12000'],
  // Nine tenths of a second: connections are gone after a third of one.
  expiry: ['--packets', '36000'],
  loading: ['--time', '30'],
};

describe('the timed run', () => {
  const isQuick = (name: TimedRunName): boolean => name !== 'locks' || IS_LONG;

  it.each(TIMED_RUN_NAMES.filter(isQuick))('%s gives its figures for every design', async (name) => {
    const run = TIMED_RUNS[name];
    const args = run.args({ designs: DESIGNS, mutex: 'glibc', seed: 7 });
    const figures = run.read(await runForJson(CLI, [...args, ...(IS_LONG ? [] : (SHORTER[name] ?? []))]));
    const names = figures.map((figure) => figure.name);
    for (const expected of EXPECTED[name]) expect(names).toContain(expected);
    expect(figures.every(({ value }) => value > 0 && Number.isFinite(value))).toBe(true);
    const designs = new Set(figures.map(({ design }) => design));
    expect([...designs].toSorted()).toEqual(name === 'loading' ? [null] : DESIGNS.toSorted());
    const keys = figures.map((figure) => `${figure.name} ${figure.design}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('of a version that prints nothing of it has no figures', () => {
    for (const name of TIMED_RUN_NAMES) expect(TIMED_RUNS[name].read({})).toEqual([]);
  });

  it('that the command does not know is told apart from one that fails', async () => {
    const unknown = await runForJson(CLI, ['contention', '--no-such-option']).catch(
      (error: unknown) => error,
    );
    expect(unknown).toBeInstanceOf(TimedRunError);
    expect(unknown).toMatchObject({ isUsage: true, message: expect.stringContaining('no-such-option') });
    const failed = await runForJson(CLI, ['info', '/nowhere.pcap', '--json']).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ isUsage: false, message: expect.stringContaining('/nowhere.pcap') });
  });
});
