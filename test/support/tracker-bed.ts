/** A tracker on a clock that the test moves: short ways to send packets and to look at what became of them. */
import { describe } from 'vitest';
import { availableDesigns } from '../../engine/host/designs.js';
import { dumpLine } from '../../engine/host/dump-text.js';
import type { ConnEntry } from '../../engine/host/connection-view.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { Tracker, type TrackerSettings } from '../../engine/host/tracker.js';
import { tcpFrame, udpFrame } from './packets.js';

/** Addresses of the specification's assertions: client, server, third host, SNAT address, virtual address, router. */
export const A = '10.1.1.1';
export const B = '10.1.1.2';
export const C = '10.1.1.3';
export const N = '10.1.1.240';
export const V = '10.1.1.100';
export const R = '10.9.9.9';

/** Every design that is compiled. */
export const DESIGNS = availableDesigns();

export const COMMIT: ExecRequest = { commit: true };

/** What one packet met. */
export interface Seen {
  readonly state: string;
  readonly mark: number;
  /** Stable word of the reason; null when there was nothing special. */
  readonly reason: string | null;
  readonly frame: Uint8Array;
}

/** TCP options of {@link TrackerBed.tcp}. */
export type TcpOptions = Omit<NonNullable<Parameters<typeof tcpFrame>[0]>, 'src' | 'dst' | 'flags'>;

const trackers = new Map<string, Tracker>();

/** A tracker as new, in the debug build whose lock-order checks trap. Only one per design is in use at a time. */
export class TrackerBed {
  readonly design: string;
  readonly tracker: Tracker;
  /** The tracker's clock, milliseconds. */
  nowMs = 1_000_000;

  constructor(design: string, settings: TrackerSettings = {}) {
    this.design = design;
    const tracker = trackers.get(design) ?? Tracker.create({ design, flavour: 'debug', slabSlots: 4096 });
    trackers.set(design, tracker);
    tracker.reset(settings);
    this.tracker = tracker;
  }

  /** Runs one frame. @throws Error when it did not come back as the only packet */
  send(frame: Uint8Array, request: ExecRequest = COMMIT): Seen {
    const { tracker } = this;
    const handle = tracker.packet(frame);
    const { returned } = tracker.execute(handle, request, this.nowMs);
    const [only] = returned;
    if (only === undefined || returned.length > 1) throw new Error(`${returned.length} packets came back`);
    const seen = {
      state: only.state,
      mark: only.mark,
      reason: only.reason?.name ?? null,
      frame: only.handle.copyFrame(),
    };
    tracker.release(handle);
    return seen;
  }

  /** State of a UDP packet from `address:port` to `address:port`. */
  udp(from: string, to: string, request: ExecRequest = COMMIT): string {
    const [src, srcPort] = endpoint(from);
    const [dst, dstPort] = endpoint(to);
    return this.send(udpFrame({ src, dst, srcPort, dstPort }), request).state;
  }

  /** State of a TCP packet. Flags are letters of `FSRPAU`. */
  tcp(from: string, to: string, flags: string, options: TcpOptions = {}, request = COMMIT): string {
    const [src, srcPort] = endpoint(from);
    const [dst, dstPort] = endpoint(to);
    return this.send(tcpFrame({ src, dst, srcPort, dstPort, flags, ...options }), request).state;
  }

  /** Opens a TCP connection: client ISN 1000 window 1000, server ISN 5000 window 2000 (setup E of the specification). */
  establish(client = `${A}:40000`, server = `${B}:80`, request: ExecRequest = COMMIT): void {
    const states = [
      this.tcp(client, server, 'S', { seq: 1000, window: 1000 }, request),
      this.tcp(server, client, 'SA', { seq: 5000, ack: 1001, window: 2000 }, request),
      this.tcp(client, server, 'A', { seq: 1001, ack: 5001, window: 1000 }, request),
    ];
    if (states.join() !== 'new|trk,est|rpl|trk,est|trk') throw new Error(`not established: ${states.join()}`);
  }

  /** Moves the clock. */
  wait(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  entries(): ConnEntry[] {
    return this.tracker.dump(this.nowMs);
  }

  /** The table in the form of `dump-conntrack -s`, sorted. */
  lines(): string[] {
    return this.entries().map(dumpLine).toSorted();
  }

  /** The only connection. @throws Error when there is none or another one */
  get only(): ConnEntry {
    const [entry, ...more] = this.entries();
    if (entry === undefined || more.length > 0)
      throw new Error(`the table holds not one connection: ${this.lines()}`);
    return entry;
  }

  /** Sweeps until a pass finds nothing to remove. */
  sweepAll(): void {
    while (this.tracker.sweep(this.nowMs).cleaned > 0);
  }
}

function endpoint(text: string): [string, number] {
  const colon = text.lastIndexOf(':');
  return [text.slice(0, colon).replace(/^\[|\]$/g, ''), Number(text.slice(colon + 1))];
}

/** A suite per design; `bed` makes a tracker as new. */
export function perDesign(
  body: (bed: (settings?: TrackerSettings) => TrackerBed, design: string) => void,
): void {
  describe.each(DESIGNS)('%s', (design) => body((settings) => new TrackerBed(design, settings), design));
}
