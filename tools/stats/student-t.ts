/** Student's t distribution. */

/**
 * Probability that |T| is at most `t` for T with `degrees` degrees of freedom.
 * @throws RangeError as {@link studentBeyond}
 */
export function studentTwoSided(t: number, degrees: number): number {
  return 1 - studentBeyond(t, degrees);
}

/**
 * Probability that |T| is above `t`; keeps its digits far into the tail, to ten digits and more.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4 for whole degrees, 26.7.1 for others.
 * @throws RangeError for degrees below 1
 */
export function studentBeyond(t: number, degrees: number): number {
  if (!(degrees >= 1 && Number.isFinite(degrees))) {
    throw new RangeError(`degrees of freedom are ${degrees}; give a number of at least 1`);
  }
  return Number.isInteger(degrees) ? wholeBeyond(t, degrees) : betweenBeyond(t, degrees);
}

/** The incomplete beta function I(a, 1/2) at degrees / (degrees + t^2), a being half the degrees. */
function betweenBeyond(t: number, degrees: number): number {
  const a = degrees / 2;
  const square = t * t;
  const [x, rest] = [degrees / (degrees + square), square / (degrees + square)];
  // x^a sqrt(1 - x) over the beta function, which is the same from either end.
  const front = Math.exp(a * Math.log(x) + gammaHalfStep(a)) * Math.sqrt(rest / Math.PI);
  // The fraction converges fast from the end that is nearer.
  return x < (a + 1) / (a + 2.5)
    ? (front / a) * betaFraction(a, 0.5, x)
    : 1 - 2 * front * betaFraction(0.5, a, rest);
}

/** ln(gamma(a + 1/2) / gamma(a)), from the series for large a and gamma(a + 1) = a gamma(a). */
function gammaHalfStep(a: number): number {
  let correction = 0;
  let large = a;
  for (; large < 20; large++) correction += Math.log(large / (large + 0.5));
  return correction + logGammaSeries(large + 0.5) - logGammaSeries(large);
}

/** Stirling's series of ln(gamma(x)) less ln(2 pi) / 2; for x from 20 on to the last digits. */
function logGammaSeries(x: number): number {
  const square = x * x;
  return (x - 0.5) * Math.log(x) - x + (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / x;
}

/**
 * The continued fraction of the incomplete beta function, by Lentz' method.
 * Source: NIST Digital Library of Mathematical Functions, 8.17.22.
 */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

/** From here on the tail is summed by itself: 1 less what is almost 1 has few digits, and may come out below 0. */
const TAIL = 0.01;

/** The sum in the source is the first terms of one that comes to 1 with all of them; the tail is the others. */
function wholeBeyond(t: number, degrees: number): number {
  const size = Math.abs(t);
  const radius = Math.hypot(size, Math.sqrt(degrees));
  const sine = size / radius;
  const cosine = Math.sqrt(degrees) / radius;
  const isOdd = degrees % 2 === 1;
  let power = isOdd ? 1 : 0;
  let term = isOdd ? cosine : 1;
  let sum = 0;
  for (; power <= degrees - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * cosine * cosine;
  }
  const angle = Math.atan(size / Math.sqrt(degrees));
  const tail = 1 - (isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum);
  if (tail > TAIL) return tail;
  let rest = 0;
  for (; term > rest * 1e-17; power += 2) {
    rest += term;
    term *= ((power + 1) / (power + 2)) * cosine * cosine;
  }
  return (isOdd ? 2 / Math.PI : 1) * sine * rest;
}

/**
 * The t that |T| stays below with the given probability.
 * @param confidence strictly between 0 and 1, for example 0.95
 */
export function studentQuantile(confidence: number, degrees: number): number {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`confidence ${confidence} is not between 0 and 1`);
  }
  let low = 0;
  let high = 1;
  while (studentTwoSided(high, degrees) < confidence && high < 1e12) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, degrees) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
