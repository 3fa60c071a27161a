/** Student's t distribution. */

/**
 * Probability that |T| is at most `t` for T with `degrees` degrees of freedom.
 * @throws RangeError as {@link studentBeyond}
 */
export function studentTwoSided(t: number, degrees: number): number {
  return 1 - studentBeyond(t, degrees);
}

/**
 * Probability that |T| is above `t`; keeps its digits far into the tail. Between whole numbers of degrees it is interpolated in
 * 1 / degrees, which is right to four digits and more.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
 * @throws RangeError for degrees below 1
 */
export function studentBeyond(t: number, degrees: number): number {
  if (!(degrees >= 1 && Number.isFinite(degrees))) {
    throw new RangeError(`degrees of freedom are ${degrees}; give a number of at least 1`);
  }
  const whole = Math.floor(degrees);
  const lower = wholeBeyond(t, whole);
  if (whole === degrees) return lower;
  const share = (1 / whole - 1 / degrees) / (1 / whole - 1 / (whole + 1));
  return lower + share * (wholeBeyond(t, whole + 1) - lower);
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
