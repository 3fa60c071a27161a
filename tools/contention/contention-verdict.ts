/** The rounds of a contention workload as evidence for a verdict on the designs. */
import type { Evidence } from '../result/verdict.js';
import { isDifference } from '../stats/finding.js';
import { medianInterval } from '../stats/median-interval.js';
import { signedRank, smallestSignedRankP } from '../stats/signed-rank.js';
import { holm } from '../stats/multiple-tests.js';
import type { ContentionResult, ThroughputRatio } from './contention-result.js';

const ALPHA = 0.05;
const CONFIDENCE = 1 - ALPHA;

/** The ratios of throughput, judged by the signed-rank test over their rounds, after Holm's correction over all of them. */
export function contentionEvidence({ ratios, rounds }: ContentionResult): Evidence[] {
  const adjusted = holm(ratios.map(({ ratio }) => signedRank(ratio.values.map(Math.log)).pValue));
  return ratios.map((row, index): Evidence => {
    const interval = medianInterval(row.ratio.values, CONFIDENCE);
    const low = interval?.low ?? null;
    const high = interval?.high ?? null;
    const isShown = isDifference({ adjustedP: adjusted[index] as number, alpha: ALPHA, low, high });
    // As many rounds as could show a difference of this ratio if all differed as clearly.
    const isEnough = smallestSignedRankP(row.ratio.values.length) * ratios.length < ALPHA;
    return {
      topic: 'throughput',
      words: 'throughput',
      base: row.against,
      head: row.design,
      where: ratios.length > 1 ? placeOf(row) : '',
      finding: isShown
        ? row.ratio.median > 1
          ? 'better'
          : 'worse'
        : isEnough
          ? 'no-difference-shown'
          : 'unknown',
      low,
      high,
      baseText: '',
      headText: '',
      cover:
        interval === null
          ? ''
          : `${Number((interval.confidence * 100).toFixed(1))} %, ${rounds} rounds of one process`,
      withheld: null,
    };
  });
}

function placeOf({ workload, threads }: ThroughputRatio): string {
  return `${workload} with ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}
