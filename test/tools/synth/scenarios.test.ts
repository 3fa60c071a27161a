import { describe, expect, it } from 'vitest';
import { openScenario, SCENARIOS } from '../../../tools/synth/registry.js';
import { dissect } from '../../support/dissect.js';
import type { Dissected } from '../../support/dissect.js';
import { collect, fingerprint } from './support/collect.js';
import { title, VARIANTS } from './support/variants.js';

const PACKETS = 2500;
const FIN = 1;
const SYN = 2;
const RST = 4;

/** Bytes that may be sent before one is acknowledged: the window field of scenarios, scaled. */
const WINDOW_BYTES = 502 << 7;

/** Follows both directions of every TCP connection and lists the packets whose numbers do not fit. */
class SequenceChecker {
  readonly faults: string[] = [];
  readonly #next = new Map<string, number>();
  /** What was acknowledged last of an end's bytes. */
  readonly #acknowledged = new Map<string, number>();

  see(packet: Dissected, packetNumber: number): void {
    const own = `${packet.src}:${packet.sport}>${packet.dst}:${packet.dport}`;
    const peer = `${packet.dst}:${packet.dport}>${packet.src}:${packet.sport}`;
    const expected = this.#next.get(own);
    const opening = (packet.flags & SYN) !== 0;
    if (!opening && expected !== undefined && packet.seq !== expected) {
      this.faults.push(`packet ${packetNumber} ${own}: sequence ${packet.seq}, not ${expected}`);
    }
    const acknowledged = this.#next.get(peer);
    if ((packet.flags & 0x10) !== 0 && acknowledged !== undefined && packet.ack !== acknowledged) {
      this.faults.push(`packet ${packetNumber} ${own}: acknowledges ${packet.ack}, not ${acknowledged}`);
    }
    const used = packet.payload.length + (opening ? 1 : 0) + ((packet.flags & FIN) === 0 ? 0 : 1);
    this.#next.set(own, (packet.seq + used) >>> 0);
    if ((packet.flags & 0x10) !== 0) this.#acknowledged.set(peer, packet.ack);
    if (opening) this.#acknowledged.set(own, packet.seq);
    const inFlight = (packet.seq + used - (this.#acknowledged.get(own) ?? packet.seq)) >>> 0;
    if (inFlight > WINDOW_BYTES) {
      this.faults.push(`packet ${packetNumber} ${own}: ${inFlight} bytes are not acknowledged`);
    }
    if ((packet.flags & RST) !== 0 || (opening && (packet.flags & 0x10) === 0)) this.#next.delete(peer);
  }
}

describe.each(VARIANTS.map((variant) => ({ ...variant, title: title(variant) })))('$title', (variant) => {
  const parameters = { packets: PACKETS, ...variant.parameters };
  const packets = collect(variant.name, parameters);
  const dissected = packets.map(({ frame }) => dissect(frame));

  it('gives exactly the packets asked for, stamped by the nominal rate', () => {
    expect(packets.length).toBe(PACKETS);
    const pps = Number(variant.parameters['pps'] ?? 100_000);
    expect(packets.map(({ timestampNs }) => timestampNs)).toEqual(
      packets.map((_, i) => Math.round((i * 1e9) / pps)),
    );
  });

  it('has valid checksums and lengths throughout', () => {
    expect(
      dissected.flatMap(({ badChecksums }, i) => badChecksums.map((layer) => `packet ${i}: ${layer}`)),
    ).toEqual([]);
    expect(dissected.every(({ trailer }) => trailer.length === 0)).toBe(true);
  });

  it('is the same for the same seed and another for another', () => {
    const first = fingerprint(variant.name, parameters, 1);
    expect(fingerprint(variant.name, parameters, 1)).toBe(first);
    const other = fingerprint(variant.name, parameters, 2);
    if (variant.name === 'ovs-benchmark') expect(other).toBe(first);
    else expect(other).not.toBe(first);
  });

  it.runIf(variant.plainConnections)(
    'counts TCP sequence numbers on without a gap, inside the window',
    () => {
      const checker = new SequenceChecker();
      dissected.forEach((packet, i) => {
        if (packet.upper === 'tcp') checker.see(packet, i);
      });
      expect(checker.faults).toEqual([]);
    },
  );

  it.runIf(variant.plainConnections)('gives one flow number to one TCP or UDP connection', () => {
    const numbers = new Map<string, number>();
    dissected.forEach((packet, i) => {
      if (packet.upper !== 'tcp' && packet.upper !== 'udp') return;
      const ends = [`${packet.src}:${packet.sport}`, `${packet.dst}:${packet.dport}`].toSorted();
      const key = `${packet.upper} ${ends.join(' ')}`;
      expect(numbers.get(key) ?? packets[i]!.flowIndex).toBe(packets[i]!.flowIndex);
      numbers.set(key, packets[i]!.flowIndex);
    });
    expect(new Set(numbers.values()).size).toBe(numbers.size);
  });
});

describe('every scenario', () => {
  it('is tested above', () => {
    expect(new Set(VARIANTS.map(({ name }) => name))).toEqual(new Set(SCENARIOS.map(({ name }) => name)));
  });

  it.each(SCENARIOS.map(({ name }) => name))('%s ends, and says where a buffer is too small', (name) => {
    const { source } = openScenario(name, { packets: 3 }, 1);
    const buffer = new Uint8Array(source.maxFrameLength + 5);
    expect(() => source.next(buffer, 6)).toThrow(`at 6 of a buffer of ${buffer.length} bytes`);
    for (let i = 0; i < 3; i++) expect(source.next(buffer, 5)).toBeGreaterThan(0);
    expect([source.next(buffer, 5), source.next(buffer, 5)]).toEqual([0, 0]);
  });

  it.each(SCENARIOS)('$name describes its parameters with defaults in range', ({ parameters }) => {
    expect(new Set(parameters.map(({ name }) => name)).size).toBe(parameters.length);
    for (const spec of parameters) {
      expect(spec.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(spec.description.length).toBeGreaterThan(5);
      if (spec.kind === 'choice') expect(spec.choices).toContain(spec.default);
      if (spec.kind === 'integer' || spec.kind === 'real') {
        const value = spec.default ?? spec.min;
        expect(value >= spec.min && value <= spec.max).toBe(true);
      }
    }
  });
});
