import type { AnalysedPacket, AnalysisSection, ReportLine } from './analysis.js';
import { formatSecondsNs, formatUtcNs } from './timestamp-text.js';

/** Packet count, sizes, times and rates: what capinfos tells. */
export class TotalsSection implements AnalysisSection {
  readonly key = 'totals';
  #packets = 0;
  #wireBytes = 0;
  #capturedBytes = 0;
  #shortest = Infinity;
  #longest = 0;
  #cut = 0;
  #timed = 0;
  #earliestNs: bigint | null = null;
  #latestNs: bigint | null = null;
  #previousNs: bigint | null = null;
  #backwards = 0;

  add({ record }: AnalysedPacket): void {
    const { frame, originalLength, timestampNs } = record;
    this.#packets += 1;
    this.#wireBytes += originalLength;
    this.#capturedBytes += frame.length;
    this.#shortest = Math.min(this.#shortest, originalLength);
    this.#longest = Math.max(this.#longest, originalLength);
    if (frame.length < originalLength) this.#cut += 1;
    if (record.timestampMissing === true) return;
    this.#timed += 1;
    if (this.#earliestNs === null || timestampNs < this.#earliestNs) this.#earliestNs = timestampNs;
    if (this.#latestNs === null || timestampNs > this.#latestNs) this.#latestNs = timestampNs;
    if (this.#previousNs !== null && timestampNs < this.#previousNs) this.#backwards += 1;
    this.#previousNs = timestampNs;
  }

  toJson(): Record<string, unknown> {
    const seconds = this.#durationSeconds();
    return {
      packets: this.#packets,
      wireBytes: this.#wireBytes,
      capturedBytes: this.#capturedBytes,
      cutPackets: this.#cut,
      firstTimeNs: this.#earliestNs?.toString() ?? null,
      firstTimeUtc: this.#earliestNs === null ? null : formatUtcNs(this.#earliestNs),
      lastTimeNs: this.#latestNs?.toString() ?? null,
      lastTimeUtc: this.#latestNs === null ? null : formatUtcNs(this.#latestNs),
      durationSeconds: seconds,
      packetsWithoutTime: this.#packets - this.#timed,
      packetsOutOfTimeOrder: this.#backwards,
      averagePacketBytes: this.#packets === 0 ? null : this.#wireBytes / this.#packets,
      shortestPacketBytes: this.#packets === 0 ? null : this.#shortest,
      longestPacketBytes: this.#packets === 0 ? null : this.#longest,
      averagePps: seconds === null || seconds === 0 ? null : this.#packets / seconds,
      averageBitsPerSecond: seconds === null || seconds === 0 ? null : (this.#wireBytes * 8) / seconds,
    };
  }

  toLines(): ReportLine[] {
    const seconds = this.#durationSeconds();
    const perSecond = (value: number, unit: string): string =>
      seconds === null || seconds === 0 ? '–' : `${rate(value / seconds)} ${unit}`;
    const lines: ReportLine[] = [
      ['Packets', number(this.#packets)],
      ['Bytes on the wire', number(this.#wireBytes)],
      ['Bytes captured', number(this.#capturedBytes)],
      ['Packets cut', this.#cut === 0 ? '0' : `${number(this.#cut)} (snap length)`],
      ['First packet', this.#earliestNs === null ? '–' : formatUtcNs(this.#earliestNs)],
      ['Last packet', this.#latestNs === null ? '–' : formatUtcNs(this.#latestNs)],
      ['Duration', this.#span()],
      ['Average rate', `${perSecond(this.#packets, 'packets/s')}, ${perSecond(this.#wireBytes * 8, 'bit/s')}`],
      [
        'Packet size',
        `average ${(this.#wireBytes / Math.max(1, this.#packets)).toFixed(2)}, ` +
          `${number(this.#shortest)} to ${number(this.#longest)} bytes`,
      ],
      ['In time order', this.#backwards === 0 ? 'yes' : `no, ${number(this.#backwards)} packets go back in time`],
    ];
    if (this.#timed < this.#packets) lines.push(['Packets without time', number(this.#packets - this.#timed)]);
    return lines;
  }

  #durationSeconds(): number | null {
    if (this.#earliestNs === null || this.#latestNs === null) return null;
    return Number(this.#latestNs - this.#earliestNs) / 1e9;
  }

  #span(): string {
    if (this.#earliestNs === null || this.#latestNs === null) return '–';
    return `${formatSecondsNs(this.#latestNs - this.#earliestNs)} s`;
  }
}

/** A figure with thousands separated. */
export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A rate: whole above 100, with three significant digits below. */
function rate(value: number): string {
  return value >= 100 ? number(value) : Number(value.toPrecision(3)).toString();
}
