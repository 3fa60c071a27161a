/** Figures on axes and in tooltips; tools/text/quantities.ts has the forms that tables use. */

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const TIME_STEPS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
] as const;

/** Nanoseconds with a unit: 142 ns, 1.24 µs. */
export function showNs(ns: number | null | undefined): string {
  if (ns === null || ns === undefined) return 'not measured';
  if (ns === 0) return '0';
  for (const [size, unit] of TIME_STEPS) if (ns >= size * 0.9995) return `${digits(ns / size)} ${unit}`;
  return `${digits(ns)} ns`;
}

/** Milliseconds, in the unit that fits. */
export function showMs(ms: number): string {
  return showNs(ms * 1e6);
}

const COUNT_STEPS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** A count, shortened from a thousand on: 850, 1.2k, 3.4M. */
export function showCount(count: number): string {
  for (const [size, unit] of COUNT_STEPS) if (count >= size * 0.9995) return `${digits(count / size)}${unit}`;
  return digits(count);
}

/** The percentile at 1 / (1 - share): 1 is 0 %, 100 is 99 %, 1000 is 99.9 %. */
export function showPercentile(inverse: number): string {
  if (inverse <= 1) return '0 %';
  const nines = Math.max(0, Math.ceil(Math.log10(inverse)) - 2);
  return `${Number((100 - 100 / inverse).toFixed(Math.min(10, nines + 2)))} %`;
}

/** A share as a percentage. */
export function showShare(share: number): string {
  return `${digits(share * 100)} %`;
}

/** The ends of a logarithmic axis that fits the values: the next 1, 2 or 5 times a power of ten outside of them. */
export function fittedLog(values: readonly (number | null | undefined)[]): { min: number; max: number } {
  const known = values.filter((value) => typeof value === 'number' && value > 0) as number[];
  if (known.length === 0) return { min: 1, max: 10 };
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const steps = (value: number): number[] =>
    [1, 2, 5, 10].map((step) => step * 10 ** Math.floor(Math.log10(value) + 1e-9));
  const min = steps(low).findLast((step) => step <= low * 1.0001) ?? low;
  const max = steps(high).find((step) => step >= high * 0.9999) ?? high;
  return { min, max: Math.max(max, min * 2) };
}
