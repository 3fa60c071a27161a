/** Benchmarks of a connection's life under one expiry design. */
import { traitsOf } from '../../engine/host/design-traits.js';
import { buildFrame } from '../synth/packet-builder.js';
import type { Benchmark } from './benchmark.js';
import type { MicroEngine } from './micro-engine.js';
import { MicroError } from './micro-error.js';

const NOW_MS = 1_000_000;
/** Later than any connection of the benchmarks lives. */
const LATER_MS = NOW_MS + 3_600_000;
/** Connections per sample. */
const COUNT = 4096;
/** Timeout class of a UDP flow seen more than once (spec §5). */
const OTHER_MULTIPLE = 7;
const POOL_PORTS = 1000;
const OCCUPANCIES = [0, 50, 90, 99] as const;
/** Creations tried per port of the pool before it is given up as not filling. */
const FILL_ATTEMPTS = 200;

export function connectionBenchmarks(engine: MicroEngine): Benchmark[] {
  return [...life(engine), ...lookups(engine), ...natAllocation(engine)];
}

function flowPacket(engine: MicroEngine) {
  return engine.packet(
    buildFrame({
      ipv4: { src: '10.0.0.1', dst: '10.255.0.1' },
      udp: { srcPort: 40000, dstPort: 53 },
      payload: new Uint8Array(18),
    }),
  );
}

function life(engine: MicroEngine): Benchmark[] {
  const { loops, design } = engine;
  const packet = flowPacket(engine);
  const commit = engine.params({ commit: true });
  const fill = (): void => {
    engine.fresh();
    loops.loopCreate(packet.address, commit, NOW_MS, 0, COUNT);
  };
  const benchmarks: Benchmark[] = [
    {
      name: `connection/create@${design}`,
      what: `a connection created and published in a table of up to ${COUNT}, after its look-up has failed`,
      design,
      operations: COUNT,
      before: () => engine.fresh(),
      run: (n) => loops.loopCreate(packet.address, commit, NOW_MS, 0, n),
      baseline: (n) => loops.loopFlows(packet.address, n),
    },
    {
      name: `connection/refresh@${design}`,
      what: `one of ${COUNT} connections refreshed, its lock taken and released`,
      design,
      operations: COUNT,
      prepare: fill,
      run: (n) => loops.loopRefresh(OTHER_MULTIPLE, NOW_MS, n),
    },
    {
      name: `connection/clean@${design}`,
      what: `one of ${COUNT} connections taken out of the table`,
      design,
      operations: COUNT,
      before: fill,
      run: (n) => {
        const left = engine.thread.exports.connCount();
        loops.loopClean(n);
        return left - engine.thread.exports.connCount();
      },
    },
    {
      name: `sweep/remove@${design}`,
      what: `an expired connection found and removed by a sweep over ${COUNT}`,
      design,
      operations: COUNT,
      before: fill,
      run: () => loops.sweepRemoves(LATER_MS),
    },
    {
      name: `packet/udp-established@${design}`,
      what: 'the whole way of a 60-byte packet of an established UDP connection',
      design,
      operations: null,
      prepare: () => {
        engine.fresh();
        loops.loopPacket(packet.address, commit, NOW_MS, 3);
      },
      run: (n) => loops.loopPacket(packet.address, commit, NOW_MS, n),
    },
  ];
  if (traitsOf(engine.baseDesign).sweepLooksAtLiving) {
    benchmarks.push({
      name: `sweep/look@${design}`,
      what: `a live connection looked at by a sweep over ${COUNT}`,
      design,
      operations: COUNT,
      prepare: fill,
      run: () => loops.sweepLooks(NOW_MS),
    });
  }
  return benchmarks;
}

/** Look-ups are the same code in every design: a difference between designs shows the noise of the measurement. */
function lookups(engine: MicroEngine): Benchmark[] {
  const { loops } = engine;
  const packet = flowPacket(engine);
  const commit = engine.params({ commit: true });
  return [1000, 30_000].map((population) => ({
    name: `connection/find-${population}@${engine.design}`,
    what: `one of ${population.toLocaleString('en-US')} connections found by key, its expiration checked under its lock, in random order`,
    design: engine.design,
    operations: null,
    prepare: () => {
      engine.fresh();
      loops.loopCreate(packet.address, commit, NOW_MS, 0, population);
    },
    run: (n) => loops.loopLookup(packet.address, population, NOW_MS, n),
    baseline: (n) => loops.loopFlows(packet.address, n),
  }));
}

/** A tuple chosen, not taken, so that the occupancy stays: one address, POOL_PORTS ports. */
function natAllocation(engine: MicroEngine): Benchmark[] {
  const { loops } = engine;
  const packet = flowPacket(engine);
  const snat = engine.params({
    commit: true,
    nat: { type: 'src', minAddress: '192.0.2.1', ports: [10_000, 10_000 + POOL_PORTS - 1] },
  });
  return OCCUPANCIES.map((percent) => ({
    name: `nat/allocate-${percent}@${engine.design}`,
    what: `a source port chosen for a new flow, ${percent} % of ${POOL_PORTS} ports taken`,
    design: engine.design,
    operations: null,
    prepare: () => {
      engine.fresh();
      const wanted = (POOL_PORTS * percent) / 100;
      for (let flow = 0; engine.thread.exports.connCount() < wanted; flow++) {
        if (flow > POOL_PORTS * FILL_ATTEMPTS) {
          throw new MicroError(`the NAT pool cannot be filled to ${percent} %`);
        }
        packet.restore();
        loops.loopCreate(packet.address, snat, NOW_MS, flow, 1);
      }
      packet.restore();
    },
    run: (n) => loops.loopNat(packet.address, snat, engine.spareSlot, NOW_MS, n),
    baseline: (n) => loops.loopNatFlows(packet.address, snat, engine.spareSlot, n),
    // The search is bounded: near the end of the pool some flows get nothing, which is a result too.
    leastSuccess: percent < 90 ? 1 : 0.01,
  }));
}
