/**
 * Zipf-distributed ranks without a table: rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions", 1996). Rank k of 1..count has weight k^-exponent.
 */
import type { Picker } from './picker.js';
import type { Random } from './random.js';

/** Picks index 0 most often; `exponent` > 0, 1 is Zipf's law. */
export function zipfPicker(random: Random, exponent: number): Picker {
  // Integral of x^-s, written so that it is exact at s = 1 too.
  const integral = (x: number): number => {
    const log = Math.log(x);
    return expm1OverX((1 - exponent) * log) * log;
  };
  const inverse = (y: number): number => {
    const t = Math.max(-1, y * (1 - exponent));
    return Math.exp(log1pOverX(t) * y);
  };
  const density = (x: number): number => Math.exp(-exponent * Math.log(x));
  const integralAtOne = integral(1.5) - 1;
  const sure = 2 - inverse(integral(2.5) - density(2));
  let count = 0;
  let integralAtEnd = 0;
  return (wanted) => {
    if (wanted !== count) {
      count = wanted;
      integralAtEnd = integral(count + 0.5);
    }
    for (;;) {
      const u = integralAtEnd + random.real() * (integralAtOne - integralAtEnd);
      const x = inverse(u);
      const rank = Math.min(count, Math.max(1, Math.floor(x + 0.5)));
      if (rank - x <= sure || u >= integral(rank + 0.5) - density(rank)) return rank - 1;
    }
  };
}

/** (e^x - 1) / x, smooth at 0. */
function expm1OverX(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + (x / 2) * (1 + x / 3);
}

/** ln(1 + x) / x, smooth at 0. */
function log1pOverX(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x * (0.5 - x / 3);
}
