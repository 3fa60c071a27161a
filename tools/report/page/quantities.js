/** Figures on axes and in tooltips; tools/report/quantities.ts has the forms that tables use. */

function digits(value) {
  return String(Number(value.toPrecision(3)));
}

/** Nanoseconds with a unit: 142 ns, 1.24 µs. */
export function showNs(ns) {
  if (ns === null || ns === undefined) return 'not measured';
  if (ns === 0) return '0';
  const steps = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  for (const [size, unit] of steps) if (ns >= size * 0.9995) return `${digits(ns / size)} ${unit}`;
  return `${digits(ns)} ns`;
}

/** A count, shortened from a thousand on: 850, 1.2k, 3.4M. */
export function showCount(count) {
  const steps = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [size, unit] of steps) if (count >= size * 0.9995) return `${digits(count / size)}${unit}`;
  return digits(count);
}

/** The percentile at 1 / (1 - share): 1 is 0 %, 100 is 99 %, 1000 is 99.9 %. */
export function showPercentile(inverse) {
  if (inverse <= 1) return '0 %';
  const nines = Math.max(0, Math.ceil(Math.log10(inverse)) - 2);
  return `${Number((100 - 100 / inverse).toFixed(Math.min(10, nines + 2)))} %`;
}

/** A share as a percentage. */
export function showShare(share) {
  return `${digits(share * 100)} %`;
}

/** The ends of a logarithmic axis that fits the values: the next 1, 2 or 5 times a power of ten outside of them. */
export function fittedLog(values) {
  const known = values.filter((value) => typeof value === 'number' && value > 0);
  if (known.length === 0) return { min: 1, max: 10 };
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const steps = (value) => [1, 2, 5, 10].map((step) => step * 10 ** Math.floor(Math.log10(value) + 1e-9));
  const min = steps(low).findLast((step) => step <= low * 1.0001) ?? low;
  const max = steps(high).find((step) => step >= high * 0.9999) ?? high;
  return { min, max: Math.max(max, min * 2) };
}
