/** Figures as people write and read them. A figure that was not measured is shown as `–`, never as 0. */

/** What stands where nothing was measured. */
export const NOT_MEASURED = '–';

type Maybe = number | null | undefined;

function threeDigits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  if (rounded >= 100) return rounded.toFixed(0);
  if (rounded >= 10) return rounded.toFixed(1);
  return rounded.toFixed(2);
}

/** Nanoseconds with the unit that suits the size, three digits: `142 ns`, `1.24 µs`, `38.0 ms`, `12.5 s`. */
export function formatNs(ns: Maybe): string {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return NOT_MEASURED;
  if (ns === 0) return '0 ns';
  const size = Number(Math.abs(ns).toPrecision(3));
  const sign = ns < 0 ? '-' : '';
  if (size < 1e3) return `${sign}${Number.isInteger(size) ? size : threeDigits(size)} ns`;
  if (size < 1e6) return `${sign}${threeDigits(size / 1e3)} µs`;
  if (size < 1e9) return `${sign}${threeDigits(size / 1e6)} ms`;
  if (size < 1e13) return `${sign}${threeDigits(size / 1e9)} s`;
  return `${sign}${formatCount(size / 1e9)} s`;
}

/** A difference of nanoseconds, with its sign: `+52 ns`, `-3 ns`. */
export function signedNs(ns: Maybe): string {
  const text = formatNs(ns);
  return text === NOT_MEASURED || text.startsWith('-') ? text : `+${text}`;
}

/** A rate per second, three digits: `850 /s`, `1.24 M/s`. The unit of what is counted is not added. */
export function formatRate(perSecond: Maybe): string {
  if (perSecond === null || perSecond === undefined || !Number.isFinite(perSecond)) return NOT_MEASURED;
  const size = Number(perSecond.toPrecision(3));
  if (size === 0) return '0 /s';
  if (size < 1e3) return `${threeDigits(size)} /s`;
  if (size < 1e6) return `${threeDigits(size / 1e3)} k/s`;
  if (size < 1e9) return `${threeDigits(size / 1e6)} M/s`;
  return `${threeDigits(size / 1e9)} G/s`;
}

/** A count with thousands separated: `1,234,567`. */
export function formatCount(count: Maybe): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return NOT_MEASURED;
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A share as a percentage: `0.4 %`, `38 %`. Above 0 it never reads as 0. */
export function formatShare(share: Maybe): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return NOT_MEASURED;
  const percent = share * 100;
  if (percent !== 0 && Math.abs(percent) < 0.05) return '<0.1 %';
  return `${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}

/** A plain ratio such as waits per packet, three significant digits; small ones do not become 0. */
export function formatRatio(ratio: Maybe): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return NOT_MEASURED;
  if (ratio === 0) return '0';
  if (Math.abs(ratio) < 0.001) return ratio.toExponential(1);
  if (Math.abs(ratio) >= 1000) return formatCount(ratio);
  return String(Number(ratio.toPrecision(3)));
}

/** Bytes in binary units: `256 B`, `64.0 MiB`. */
export function formatBytes(bytes: Maybe): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return NOT_MEASURED;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? formatRatio(value) : threeDigits(value)} ${units[unit]}`;
}

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9 };

/** A decimal number with an optional suffix k, M or G (powers of 1000); NaN for anything else. */
export function parseNumber(text: string): number {
  const match = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)([kKMG]?)$/.exec(text.trim());
  return match === null ? Number.NaN : Number(match[1]) * SUFFIXES[match[2]!]!;
}
