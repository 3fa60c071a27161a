/** Packets and locks of a sample result, drawn from a seeded generator, and what a result says of them. */
import hdr from 'hdr-histogram-js';
import type {
  Contention,
  LatencyDistribution,
  LatencyView,
  PacketClass,
  TimelineInterval,
} from '../../tools/result/schema.js';
import { histogramOf, latencyOf, logNormal, type Random } from './distributions.js';

export interface Packet {
  serviceNs: number;
  responseNs: number;
  kind: PacketClass;
  worker: number;
  inSweep: boolean;
}

export function drawPackets(
  random: Random,
  how: { old: boolean; packets: number; workers: number },
): Packet[] {
  const medianNs = how.old ? 140 + 260 * (how.workers - 1) : 70 + 4 * (how.workers - 1);
  const drawn: Packet[] = [];
  for (let i = 0; i < how.packets; i += 1) {
    const inSweep = i % 4000 < 300;
    const kind: PacketClass = i % 5 === 0 ? 'new' : i % 5 < 4 ? 'established' : 'reply';
    let serviceNs = logNormal(random, kind === 'new' ? medianNs * 2 : medianNs, 0.25);
    if (random() < (how.old ? 0.004 : 0.0008)) serviceNs += logNormal(random, how.old ? 40_000 : 9_000, 0.8);
    if (inSweep && how.old) serviceNs += logNormal(random, 900, 0.5);
    const queuedNs = random() < 0.02 ? logNormal(random, serviceNs * 20, 0.6) : logNormal(random, 25, 0.4);
    drawn.push({ serviceNs, responseNs: serviceNs + queuedNs, kind, worker: i % how.workers, inSweep });
  }
  return drawn;
}

export function view(packets: readonly Packet[], of: 'serviceNs' | 'responseNs'): LatencyView {
  const values = (keep: (p: Packet) => boolean): LatencyDistribution =>
    latencyOf(packets.filter(keep).map((p) => p[of]));
  return {
    overall: values(() => true),
    perClass: {
      new: values((p) => p.kind === 'new'),
      established: values((p) => p.kind === 'established'),
      reply: values((p) => p.kind === 'reply'),
    },
    duringSweep: values((p) => p.inSweep),
    outsideSweep: values((p) => !p.inSweep),
  };
}

export function lockLine(
  random: Random,
  name: string,
  thread: string,
  acquisitions: number,
  busy: number,
): Contention {
  const contended = Math.round(acquisitions * busy);
  const waits = Array.from({ length: Math.min(contended, 2000) }, () => logNormal(random, 300, 0.9));
  const holds = Array.from({ length: 1000 }, () => logNormal(random, 45, 0.3));
  const waitNs = waits.reduce((a, b) => a + b, 0);
  const holdNs = holds.reduce((a, b) => a + b, 0);
  const scale = waits.length === 0 ? 0 : contended / waits.length;
  return {
    class: name,
    thread,
    acquisitions,
    contended,
    spins: contended * 12,
    futexWaits: Math.round(contended * 0.1),
    ...(waits.length === 0
      ? {}
      : {
          wait: {
            count: contended,
            minNs: Math.min(...waits),
            avgNs: waitNs / waits.length,
            maxNs: Math.max(...waits),
            totalNs: Math.round(waitNs * scale),
            encoded: hdr.encodeIntoCompressedBase64(histogramOf(waits)),
          },
        }),
    hold: {
      count: holds.length,
      minNs: Math.min(...holds),
      avgNs: holdNs / holds.length,
      maxNs: Math.max(...holds),
      totalNs: Math.round((holdNs / holds.length) * acquisitions),
      sampled: true,
      sampleInterval: Math.max(1, Math.round(acquisitions / holds.length)),
    },
  };
}

export function drawTimeline(
  random: Random,
  packets: readonly Packet[],
  intervals: number,
): TimelineInterval[] {
  const size = Math.ceil(packets.length / intervals);
  const timeline: TimelineInterval[] = [];
  for (let i = 0; i * size < packets.length; i += 1) {
    const part = packets.slice(i * size, (i + 1) * size);
    const service = latencyOf(part.map((p) => p.serviceNs));
    timeline.push({
      tMs: i * 100,
      intervalMs: 100,
      packets: part.length,
      p50Ns: service.p50Ns,
      p99Ns: service.p99Ns,
      maxNs: service.maxNs,
      encoded: service.encoded,
    });
  }
  // A quiet interval: nothing was sent, so nothing was measured.
  timeline.push({ tMs: timeline.length * 100, intervalMs: 100 + Math.round(random()), packets: 0 });
  return timeline;
}
