/** The standard normal distribution. */

/** Probability that a standard normal value is at most `z`. */
export function normalCdf(z: number): number {
  return 0.5 * erfc(-z * Math.SQRT1_2);
}

/** Probability that a standard normal value is above `z`; keeps its digits far into the tail. */
export function normalUpperTail(z: number): number {
  return 0.5 * erfc(z * Math.SQRT1_2);
}

/**
 * The complementary error function, to a relative error of about 1e-14.
 * Source: NIST Digital Library of Mathematical Functions, 7.6.2 (series) and 7.9.1 (continued fraction).
 */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x > 27) return 0; // below the smallest double
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    // erf(x) = 2 scale (x + 2 x^3 / 3 + 4 x^5 / 15 + ...)
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - 2 * scale * sum;
  }
  // erfc(x) = scale / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))), evaluated from the far end.
  let fraction = x;
  for (let n = 120; n > 0; n--) fraction = x + n / 2 / fraction;
  return scale / fraction;
}

/**
 * The value that a standard normal value is below with the given probability. Found by bisection and Newton steps on
 * {@link normalCdf}; exact to about 1e-14.
 * @param probability strictly between 0 and 1 gives a finite value; 0 and 1 give the infinities
 * @throws RangeError when outside 0 to 1
 */
export function normalQuantile(probability: number): number {
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`probability ${probability} is not within 0 to 1`);
  }
  if (probability === 0) return -Infinity;
  if (probability === 1) return Infinity;
  if (probability > 0.5) return upperQuantile(1 - probability);
  return -upperQuantile(probability);
}

/** The z above which a standard normal value lies with probability `tail` (at most 1/2). */
function upperQuantile(tail: number): number {
  let low = 0;
  let high = 40;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (normalUpperTail(middle) > tail) low = middle;
    else high = middle;
  }
  let z = (low + high) / 2;
  for (let i = 0; i < 2; i++) {
    const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
    if (density > 0) z += (normalUpperTail(z) - tail) / density;
  }
  return z;
}
