/** Student's t distribution. */

/**
 * Probability that |T| is at most `t` for T with `degrees` degrees of freedom. Between whole numbers of degrees it is
 * interpolated in 1 / degrees, which is right to four digits and more.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
 * @throws RangeError for degrees below 1
 */
export function studentTwoSided(t: number, degrees: number): number {
  if (!(degrees >= 1 && Number.isFinite(degrees))) {
    throw new RangeError(`degrees of freedom are ${degrees}; give a number of at least 1`);
  }
  const whole = Math.floor(degrees);
  const lower = wholeTwoSided(t, whole);
  if (whole === degrees) return lower;
  const share = (1 / whole - 1 / degrees) / (1 / whole - 1 / (whole + 1));
  return lower + share * (wholeTwoSided(t, whole + 1) - lower);
}

function wholeTwoSided(t: number, degrees: number): number {
  const angle = Math.atan(Math.abs(t) / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let power = odd ? 1 : 0; power <= degrees - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * cosine * cosine;
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
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
