/** Figures on axes and in tooltips; tools/text/quantities.ts has the forms that tables use. */

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

/** The powers of ten that enclose all values: a logarithmic axis from one to the other shows each of them. */
export function decades(values) {
  const known = values.filter((value) => typeof value === 'number' && value > 0);
  if (known.length === 0) return { min: 1, max: 10 };
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const min = 10 ** Math.floor(Math.log10(low));
  return { min, max: Math.max(10 ** Math.ceil(Math.log10(high)), min * 10) };
}
