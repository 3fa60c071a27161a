/** Passes left out during long gaps change nothing: against a schedule that runs every one of them. */
import { describe, expect, it } from 'vitest';
import { dumpLine } from '../../../engine/host/dump-text.js';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import type { Tracker, TrackerSettings } from '../../../engine/host/tracker.js';
import { SweepSchedule } from '../../../tools/oracle/sweep-schedule.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';
import { DESIGNS, TrackerBed } from '../../support/tracker-bed.js';

const FIRST_MS = 1_000_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
const LONG_POLICY = 7;
const COMMIT: ExecRequest = { commit: true };
const COMMIT_LONG: ExecRequest = { commit: true, timeoutPolicy: LONG_POLICY };

interface Schedule {
  count: number;
  advanceTo(nowMs: number): void;
}

/** Every pass run, one after the other. */
function stepByStep(tracker: Tracker, firstMs: number): Schedule {
  let nextMs = firstMs;
  return {
    count: 0,
    advanceTo(nowMs) {
      while (nextMs <= nowMs) {
        this.count += 1;
        nextMs += Math.max(1, tracker.sweep(nextMs).delayMs);
      }
    },
  };
}

function bed(design: string, settings: TrackerSettings): TrackerBed {
  const made = new TrackerBed(design, settings);
  made.nowMs = FIRST_MS;
  return made;
}

/** What each gap leaves: the table with all that has expired, how many count, and how many passes there were. */
function leftBy(
  design: string,
  settings: TrackerSettings,
  gapsMs: readonly number[],
  makeSchedule: (tracker: Tracker, firstMs: number) => Schedule,
): unknown[] {
  const tested = bed(design, settings);
  const { tracker } = tested;
  tracker.setTimeoutPolicy(LONG_POLICY, { udp_first: 20 * 3600, udp_single: 20 * 3600 });
  const schedule = makeSchedule(tracker, FIRST_MS);
  return gapsMs.map((gapMs, round) => {
    for (let flow = 0; flow < 40; flow += 1) {
      const srcPort = 1000 + flow;
      // The long ones first, so that lists by timeout hide short ones behind them.
      tested.send(udpFrame({ srcPort: srcPort + 1000 * round }), flow % 5 === 0 ? COMMIT_LONG : COMMIT);
      tested.send(tcpFrame({ srcPort, flags: 'S', seq: 1 }));
      if (flow % 3 === 0) {
        tested.send(
          tcpFrame({
            src: '10.1.1.2',
            dst: '10.1.1.1',
            srcPort: 80,
            dstPort: srcPort,
            flags: 'SA',
            seq: 1,
            ack: 2,
          }),
        );
        tested.send(tcpFrame({ srcPort, flags: 'A', seq: 2, ack: 2 }));
      }
      tested.nowMs += 700;
    }
    tested.nowMs += gapMs;
    schedule.advanceTo(tested.nowMs);
    const lines = tracker.dump(tested.nowMs).map(dumpLine).toSorted();
    return { lines, connections: tracker.connCount, passes: schedule.count, nowMs: tested.nowMs };
  });
}

describe.each(DESIGNS)('%s', (design) => {
  const gapsMs = [30_000, HOUR_MS, 19 * HOUR_MS, 3 * HOUR_MS, 5 * DAY_MS, 61_234];

  it.each([
    ['with room for all', {}],
    // So few that passes end early: nothing is gone before a visit of several passes is through.
    ['when passes end early', { connLimit: 700 }],
    ['when every pass ends at once', { connLimit: 63 }],
  ] as const)('leaves what running every pass leaves, %s', (_name, settings) => {
    const expected = leftBy(design, settings, gapsMs, stepByStep);
    const actual = leftBy(
      design,
      settings,
      gapsMs,
      (tracker, firstMs) => new SweepSchedule(tracker, firstMs),
    );
    expect(actual).toEqual(expected);
  });

  it('runs few passes in thirty years, and ends with an empty table', () => {
    const tested = bed(design, {});
    const { tracker } = tested;
    let passes = 0;
    const counting = new Proxy(tracker, {
      get(target, key) {
        if (key === 'sweep') passes += 1;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const schedule = new SweepSchedule(counting, FIRST_MS);
    tested.send(tcpFrame({ flags: 'S', seq: 1 }));
    tested.send(
      tcpFrame({
        src: '10.1.1.2',
        dst: '10.1.1.1',
        srcPort: 80,
        dstPort: 40000,
        flags: 'SA',
        seq: 1,
        ack: 2,
      }),
    );
    tested.send(tcpFrame({ flags: 'A', seq: 2, ack: 2 }));
    schedule.advanceTo(FIRST_MS + 30 * YEAR_MS);
    expect(tracker.connCount).toBe(0);
    expect(passes).toBeLessThan(20);
    expect(schedule.count).toBeGreaterThan(30 * 365 * 1000);
  });
});
