/** What a design declares of its passes is what they do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { loadEngine } from '../../../engine/host/module.js';
import { layoutConstants } from '../../../tools/endurance/layout-constants.js';
import { udpFrame } from '../../support/packets.js';
import { DESIGNS, TrackerBed } from '../../support/tracker-bed.js';

const CONNECTIONS = 120;
/** Seconds that a policy of this number gives. */
const POLICIES = [1, 2, 7, 20, 45] as const;

function bedWith(design: string): TrackerBed {
  const bed = new TrackerBed(design);
  POLICIES.forEach((seconds, id) =>
    bed.tracker.setTimeoutPolicy(id + 1, { udp_first: seconds, udp_single: seconds, udp_multiple: seconds }),
  );
  return bed;
}

/** A packet of a connection under a policy; returns when it expires. */
function send(bed: TrackerBed, connection: number, policy: number): number {
  const frame = udpFrame({ src: `10.7.${connection >> 8}.${connection & 255}` });
  bed.tracker.run(frame, { commit: true, timeoutPolicy: policy + 1 }, bed.nowMs);
  return bed.nowMs + (POLICIES[policy] as number) * 1000;
}

describe.each(DESIGNS)('the traits of %s', (design) => {
  const traits = traitsOf(design);

  it('LAG_BOUND_MS: while passes run when they are asked for, nothing stays longer, where nothing is hidden', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(700), fc.nat(POLICIES.length - 1)), {
          minLength: CONNECTIONS,
          maxLength: CONNECTIONS,
        }),
        (plan) => {
          const bed = bedWith(design);
          const startMs = bed.nowMs;
          // With one policy the lists by timeout hide nothing either.
          const policies = traits.hidesExpired ? plan.map(([gap]) => [gap, 2] as const) : plan;
          const expirations: number[] = [];
          let nextPassMs = startMs;
          const passesUntil = (untilMs: number): void => {
            for (; nextPassMs <= untilMs; bed.nowMs = untilMs) {
              bed.nowMs = nextPassMs;
              nextPassMs += Math.max(1, bed.tracker.sweep(nextPassMs).delayMs);
              const due = expirations.filter((ms) => ms + traits.lagBoundMs <= bed.nowMs).length;
              expect(bed.tracker.connCount, `at ${bed.nowMs - startMs} ms`).toBeLessThanOrEqual(
                expirations.length - due,
              );
            }
          };
          policies.forEach(([gap, policy], connection) => {
            passesUntil(bed.nowMs + gap);
            expirations.push(send(bed, connection, policy));
          });
          passesUntil(Math.max(...expirations) + traits.lagBoundMs + traits.sweepIntervalMs);
          expect(bed.tracker.connCount).toBe(0);
        },
      ),
      { numRuns: 6 },
    );
  });

  it('LISTS, AREA_BYTES: the lists lie inside the area, and what is there for each slot behind them', () => {
    const { EXPIRY_SIZE, SHARD_LINE, TRAIT_AREA_BITS_PER_SLOT, TRAIT_AREA_BYTES, TRAIT_SHARDS } = loadEngine(
      design,
      'bare',
    ).constants;
    const { LINK_SIZE } = layoutConstants(['LINK_SIZE']) as { LINK_SIZE: number };
    expect(traits.listsAt + traits.lists * LINK_SIZE).toBeLessThanOrEqual(EXPIRY_SIZE + TRAIT_AREA_BYTES);
    const needs = { threads: 1, maxConns: 64, nat: false, packetStoreBytes: 0, slabSlots: 6400 };
    const { regions } = planMemory(loadEngine(design, 'bare').constants, needs);
    const slotBytes = (TRAIT_AREA_BITS_PER_SLOT * needs.slabSlots) / 8;
    expect(regions.policies - regions.expiry).toBeGreaterThanOrEqual(
      EXPIRY_SIZE + TRAIT_AREA_BYTES + slotBytes,
    );
    expect(TRAIT_SHARDS).toBe(traits.shards);
    if (traits.lists > 0) expect(traits.listsAt).toBeGreaterThanOrEqual(traits.shards * SHARD_LINE);
  });

  it('HIDES_EXPIRED: whether a pass, late enough, removes what has expired however timeouts are mixed', () => {
    const bed = bedWith(design);
    send(bed, 1, 4);
    send(bed, 2, 0);
    bed.wait(2000).sweepAll();
    expect(bed.tracker.connCount).toBe(traits.hidesExpired ? 2 : 1);
  });

  it('SWEEP_LOOKS_AT_LIVING: whether a pass looks at all that live, also when it did so before', () => {
    const bed = bedWith(design);
    for (let connection = 0; connection < CONNECTIONS; connection++) send(bed, connection, 4);
    const looks = [1, 2, 3].map((second) => bed.tracker.sweep(bed.nowMs + second * 1000).checked);
    if (traits.sweepLooksAtLiving) expect(looks).toEqual([CONNECTIONS, CONNECTIONS, CONNECTIONS]);
    else expect(Math.max(...looks)).toBeLessThan(CONNECTIONS / 10);
  });
});
