/**
 * Builds realistic results for tests: every figure is drawn from a seeded generator and summarised through the
 * real hdr-histogram-js, so totals, percentiles and histograms agree with each other as in a measured result.
 */
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import type {
  Comparison,
  PacketClass,
  Result,
  ResultCase,
  Scaling,
  Sweep,
} from '../../tools/result/schema.js';
import { countsOf, latencyOf, logNormal, seededRandom } from './distributions.js';
import { drawPackets, drawTimeline, lockLine, view } from './result-draws.js';

export interface SampleOptions {
  seed?: number;
  designs?: string[];
  /** Worker counts; one cell per design and count. */
  workers?: number[];
  trials?: number;
  packets?: number;
  /** Shown as the capture's name and path, for tests with hostile text. */
  captureName?: string;
  kind?: 'replay' | 'bench';
  /** Leave out everything that is optional. */
  minimal?: boolean;
  /** As benchmarks were before throughput was measured apart. */
  oldShape?: boolean;
}

const TARGET_PPS = 2_000_000;

function drawCase(
  options: Required<SampleOptions>,
  design: string,
  workers: number,
  trial: number,
): ResultCase {
  const old = design === DEFAULT_DESIGNS[0];
  const random = seededRandom(options.seed * 7919 + workers * 101 + trial * 13 + (old ? 1 : 0));
  const packets = drawPackets(random, { old, packets: options.packets, workers });
  const of = (kind: PacketClass): number => packets.filter((p) => p.kind === kind).length;
  const busyNs = packets.reduce((sum, p) => sum + p.serviceNs, 0);
  const topPps = packets.length / ((busyNs / workers) * 1.1e-9);
  const scenario = options.kind === 'bench';
  const achievedPps = scenario ? topPps : Math.min(topPps, TARGET_PPS * 0.999);
  const elapsedNs = Math.round((packets.length / achievedPps) * 1e9);
  const base: ResultCase = {
    id: `${scenario ? 'syn-flood' : 'capture'}/${design}/w${workers}`,
    trial,
    kind: options.kind,
    design,
    build: 'probed',
    input: {
      type: scenario ? 'scenario' : 'capture',
      name: scenario ? 'syn-flood' : options.captureName,
      ...(scenario
        ? { parameters: { rate: 'max', sources: 65536 } }
        : {
            files: [
              {
                path: options.captureName,
                sha256: 'ab'.repeat(32),
                packets: packets.length,
                bytes: packets.length * 80 + 24,
              },
            ],
          }),
      packets: packets.length,
      bytes: packets.length * 64,
    },
    workers,
    pacing: { mode: 'topspeed', achievedPps },
    batch: 32,
    steer: 'rss',
    clock: 'wall',
    ...(options.oldShape || options.minimal || !scenario
      ? {}
      : ownThroughput(packets.length, achievedPps, workers, old)),
    elapsedNs,
    packets: {
      injected: packets.length,
      verdicts: { 'new|trk': of('new'), 'est|trk': of('established'), 'est|rpl|trk': of('reply') },
    },
    audit: [{ name: 'injected = verdicts', ok: true, expected: packets.length, actual: packets.length }],
  };
  if (options.minimal) return base;

  const sweeps: Sweep[] = Array.from({ length: 8 }, (_, i) => ({
    startMs: i * 120 + Math.round(random() * 5),
    durationNs: logNormal(random, old ? 9_000_000 : 3_000_000, 0.2),
    checked: 4000 + Math.round(random() * 500),
    cleaned: 300 + Math.round(random() * 100),
    longestHoldNs: logNormal(random, old ? 400_000 : 900, 0.3),
    wakeUpLagNs: logNormal(random, 60_000, 0.5),
  }));
  const expired = Math.floor(of('new') * 0.75);
  const half = expired >> 1;
  const lags = Array.from({ length: expired }, () => logNormal(random, old ? 4e9 : 11e9, 0.5));
  return {
    ...base,
    designOptions: old ? {} : { preset: 'v7-fixed', sweepIntervalMs: 20000 },
    startedAt: '2026-11-24T04:00:01.000Z',
    loops: 1,
    pacing: scenario
      ? base.pacing
      : {
          mode: 'pps',
          targetPps: TARGET_PPS,
          achievedPps,
          departureError: latencyOf(packets.slice(0, 500).map((p) => p.responseNs - p.serviceNs)),
        },
    packets: {
      ...base.packets,
      byClass: { new: of('new'), established: of('established'), reply: of('reply') },
      rejectedByReason: {},
      verdictHash: '9f2c11',
    },
    perWorker: Array.from({ length: workers }, (_, worker) => {
      const mine = packets.filter((p) => p.worker === worker);
      return {
        worker,
        packets: mine.length,
        elapsedNs,
        runNs: Math.round(elapsedNs * 0.97),
        waitNs: Math.round(elapsedNs * 0.02),
        lockWaitNs: Math.round(elapsedNs * (old ? 0.4 : 0.01)),
        voluntarySwitches: Math.round(random() * 20),
        involuntarySwitches: Math.round(random() * 9),
        cpu: worker,
        service: latencyOf(mine.map((p) => p.serviceNs)),
      };
    }),
    latency: { mode: 'all', service: view(packets, 'serviceNs'), response: view(packets, 'responseNs') },
    locks: [
      lockLine(
        random,
        'ct_lock',
        'all',
        old ? packets.length * 2 : of('new'),
        old && workers > 1 ? 0.35 : 0.001,
      ),
      lockLine(random, 'conn_lock', 'all', packets.length, 0.0002),
      ...Array.from({ length: workers }, (_, w) =>
        lockLine(
          random,
          'ct_lock',
          `worker-${w}`,
          Math.round((old ? packets.length * 2 : of('new')) / workers),
          old && workers > 1 ? 0.35 : 0.001,
        ),
      ),
      lockLine(random, 'ct_lock', 'sweeper', 800, 0.01),
    ],
    connections: {
      created: of('new'),
      expired,
      forced: 3,
      remaining: of('new') - expired - 3,
      peak: of('new') - 9,
      limit: 3_000_000,
    },
    sweeps,
    expiry: {
      lag: latencyOf(lags),
      staleTimeline: Array.from({ length: 30 }, (_, i) => ({
        tMs: i * 100,
        expiredPresent: Math.round((old ? 90 : 400) * (1 + Math.sin(i / 3))),
        nConn: 2000 + i * 10,
      })),
      perZone: [{ key: '0', removed: expired, lag: latencyOf(lags), expiredPresentMax: 800 }],
      perPolicy: [
        { key: 'default', removed: half, lag: latencyOf(lags.slice(0, half)), expiredPresentMax: 500 },
        { key: 'short', removed: expired - half, lag: latencyOf(lags.slice(half)), expiredPresentMax: 300 },
      ],
    },
    memory: {
      bytesPerConnection: 256,
      totalBytes: 64 * 1024 * 1024,
      slabCapacity: 65536,
      slabInUse: of('new') - expired - 3,
      gracePending: 12,
      timeline: Array.from({ length: 10 }, (_, i) => ({
        tMs: i * 300,
        slabInUse: 2000 + i * 40,
        gracePending: i,
      })),
    },
    nat: {
      allocations: 4000,
      failures: 17,
      candidates: countsOf(Array.from({ length: 4000 }, () => 1 + Math.floor(-Math.log(1 - random()) * 3))),
      byOccupancy: [0, 0.25, 0.5, 0.75, 0.9, 0.99].map((occupancy) => ({
        occupancy,
        allocations: 600,
        failures: occupancy > 0.95 ? 17 : 0,
        meanCandidates: 1 / (1.02 - occupancy),
        p50Ns: Math.round(200 / (1.02 - occupancy)),
        p99Ns: Math.round(900 / (1.02 - occupancy)),
        maxNs: Math.round(4000 / (1.02 - occupancy)),
      })),
    },
    workCounts: {
      packets: packets.length,
      locks: { ct_lock: old ? packets.length * 2 : of('new'), conn_lock: packets.length },
      listMoves: old ? packets.length : of('new'),
      hashProbes: packets.length * 2,
      bytesCopied: 0,
    },
    timeline: drawTimeline(random, packets, 10),
    lockWaitShare: old ? 0.4 : 0.01,
    cpuWaitShare: 0.02,
    warnings:
      workers > 2
        ? [
            {
              code: 'oversubscribed',
              text: `${workers} workers on 2 cores`,
              advice: 'Use --workers 2 or fewer; above that the scheduler is measured.',
            },
          ]
        : [],
  };
}

/** A bare run beside the probed one, which costs the old design more. */
function ownThroughput(
  packets: number,
  probedPps: number,
  workers: number,
  old: boolean,
): Pick<
  ResultCase,
  'mutex' | 'touchAhead' | 'touchedBatchShare' | 'repeatedTuples' | 'throughput' | 'probeCost'
> {
  const pps = probedPps * (old ? 1.4 : 1.2);
  const nsOf = (perSecond: number): number => (workers * 1e9) / perSecond;
  return {
    mutex: 'glibc',
    touchAhead: 'auto',
    touchedBatchShare: 0.5,
    repeatedTuples: false,
    throughput: {
      build: 'bare',
      timed: false,
      pps,
      mbps: (pps * 512) / 1e6,
      packets,
      elapsedNs: Math.round((packets / pps) * 1e9),
      workerNsPerPacket: nsOf(pps),
      harnessShare: 0.12,
      cpuWaitShare: 0.01,
      touchedBatchShare: 0.5,
    },
    probeCost: {
      nsPerPacket: nsOf(probedPps) - nsOf(pps),
      bareNsPerPacket: nsOf(pps),
      probedNsPerPacket: nsOf(probedPps),
      clockNsPerPacket: 49.5,
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function compare(
  cases: readonly ResultCase[],
  base: string,
  head: string,
  metric: 'pps' | 'service.p99Ns',
): Comparison {
  const value = (entry: ResultCase): number =>
    metric === 'pps'
      ? (entry.throughput?.pps ?? entry.pacing.achievedPps!)
      : entry.latency!.service!.overall.p99Ns!;
  const medianOf = (id: string): number => median(cases.filter((entry) => entry.id === id).map(value));
  const baseMedian = medianOf(base);
  const headMedian = medianOf(head);
  const ratio = headMedian / baseMedian;
  const significant = Math.abs(ratio - 1) > 0.02;
  const percent = (ratio - 1) * 100;
  return {
    base,
    head,
    metric,
    unit: metric === 'pps' ? 'pps' : 'ns',
    direction: metric === 'pps' ? 'higher-is-better' : 'lower-is-better',
    baseMedian,
    headMedian,
    ratio,
    low: ratio * 0.97,
    high: ratio * 1.03,
    confidence: 0.95,
    pValue: significant ? 0.0002 : 0.61,
    alpha: 0.05,
    n: cases.filter((entry) => entry.id === base).length,
    significant,
    control: base === head,
    text: significant ? `${percent >= 0 ? '+' : ''}${percent.toFixed(2)}%` : '~',
  };
}

function fitOf(design: string, cases: readonly ResultCase[]): Scaling {
  const mine = cases.filter((entry) => entry.design === design && entry.trial === 0);
  const ppsOf = (entry: ResultCase): number => entry.throughput?.pps ?? entry.pacing.achievedPps!;
  const lambda = ppsOf(mine[0]!);
  const sigma = design === DEFAULT_DESIGNS[0] ? 0.9 : 0.03;
  return {
    design,
    input: mine[0]!.input.name,
    build: mine[0]!.throughput?.build,
    timed: mine[0]!.throughput?.timed,
    points: mine.map((entry) => ({
      workers: entry.workers,
      pps: ppsOf(entry),
      low: ppsOf(entry) * 0.97,
      high: ppsOf(entry) * 1.03,
      lockWaitShare: entry.lockWaitShare,
      measured: true,
      oversubscribed: entry.workers > 2,
    })),
    fit: {
      lambdaPps: { value: lambda, low: lambda * 0.95, high: lambda * 1.05 },
      sigma: { value: sigma, low: sigma * 0.9, high: sigma * 1.1 },
      kappa: { value: 0.002, low: 0, high: 0.004 },
      peakWorkers: { value: Math.sqrt((1 - sigma) / 0.002) },
      r2: 0.99,
      confidence: 0.95,
    },
  };
}

/** A valid result; the same options give the same result. */
export function sampleResult(options: SampleOptions = {}): Result {
  const full: Required<SampleOptions> = {
    seed: 1,
    designs: [...DEFAULT_DESIGNS],
    workers: [2],
    trials: 1,
    packets: 10_000,
    captureName: 'captures/web-browsing.pcap',
    kind: 'replay',
    minimal: false,
    oldShape: false,
    ...options,
  };
  const cases: ResultCase[] = [];
  for (const workers of full.workers) {
    for (let trial = 0; trial < full.trials; trial += 1) {
      for (const design of full.designs) cases.push(drawCase(full, design, workers, trial));
    }
  }
  const [base, head] = full.designs;
  const pairs = full.workers.flatMap((workers) => {
    const id = (design: string): string =>
      cases.find((entry) => entry.design === design && entry.workers === workers)!.id;
    return base === undefined || head === undefined ? [] : [[id(base), id(head)] as const];
  });
  const matrix = full.kind === 'bench' && !full.minimal;
  return {
    format: 'ctreplay-result',
    version: 1,
    tool: { name: 'ctreplay', version: '0.1.0', commit: 'a07add6' },
    createdAt: '2026-11-24T04:00:00.000Z',
    commandLine:
      full.kind === 'bench' ? ['bench', '--preset', 'demo'] : ['replay', full.captureName, '--workers', '2'],
    environment: full.minimal
      ? { node: 'v20.20.2', clock: {} }
      : {
          machineId: 'm-5f1c',
          cpuModel: 'Sample CPU @ 2.50GHz',
          coresOnline: 2,
          architecture: 'x64',
          os: 'linux',
          kernel: '6.1.0',
          governor: null,
          memoryBytes: 8 * 1024 ** 3,
          node: 'v20.20.2',
          clock: { source: 'performance.now', costNs: 48, stepNs: 30 },
          noise: {
            probeMs: 200,
            cv: 0.03,
            p50Ns: 900,
            p99Ns: 40_000,
            maxNs: 2_100_000,
            interruptionsPerSecond: 260,
            lostShare: 0.004,
          },
          stealShare: 0.001,
          loadAverage1m: 0.4,
          pinned: false,
        },
    configuration: { batch: 32, workers: full.workers },
    seed: full.seed,
    partial: false,
    valid: true,
    warnings: full.minimal
      ? []
      : [
          {
            code: 'timer-coarse',
            text: 'The timer steps by 30 ns; a packet takes about 70 ns.',
            advice: 'Read medians below 100 ns as ±30 ns, or use bench --bare for throughput.',
          },
        ],
    cases,
    ...(matrix
      ? {
          comparisons: [
            ...pairs.flatMap(([b, h]) => [
              compare(cases, b, h, 'pps'),
              compare(cases, b, h, 'service.p99Ns'),
            ]),
            compare(cases, pairs[0]![0], pairs[0]![0], 'pps'),
          ],
          scaling: full.designs.map((design) => fitOf(design, cases)),
        }
      : {}),
  };
}
