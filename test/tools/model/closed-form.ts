/** Queueing theory to hold the simulation against. */

/**
 * Exact mean value analysis of workers who think (delay station) and then queue for one server, both exponential.
 * Source: M. Reiser and S. Lavenberg, "Mean-Value Analysis of Closed Multichain Queuing Networks", JACM 27 (1980).
 */
export function fifoThroughput(
  workers: number,
  thinkNs: number,
  holdNs: number,
): { pps: number; waitNs: number } {
  let queued = 0;
  let perNs = 0;
  let residence = holdNs;
  for (let n = 1; n <= workers; n++) {
    residence = holdNs * (1 + queued);
    perNs = n / (thinkNs + residence);
    queued = perNs * residence;
  }
  return { pps: perNs * 1e9, waitNs: residence - holdNs };
}
