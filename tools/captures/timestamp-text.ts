const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
/** Range of JavaScript dates, in milliseconds from 1970. */
const MAX_DATE_MS = 8_640_000_000_000_000n;

/** A time as ISO 8601 in UTC with all nine digits: `2026-11-24T03:47:01.123456789Z`. */
export function formatUtcNs(timestampNs: bigint): string {
  const subSecond = ((timestampNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  const wholeMs = (timestampNs - subSecond) / NS_PER_MS;
  if (wholeMs > MAX_DATE_MS || wholeMs < -MAX_DATE_MS) return `${timestampNs} ns from 1970`;
  const seconds = new Date(Number(wholeMs)).toISOString().slice(0, -'.000Z'.length);
  return `${seconds}.${subSecond.toString().padStart(9, '0')}Z`;
}

/** A span in seconds with all nine digits, exactly: `12.000000001`. */
export function formatSecondsNs(spanNs: bigint): string {
  const size = spanNs < 0n ? -spanNs : spanNs;
  const fraction = (size % NS_PER_SECOND).toString().padStart(9, '0');
  return `${spanNs < 0n ? '-' : ''}${size / NS_PER_SECOND}.${fraction}`;
}
