/** What a search for the highest rate found, in lines for people. */
import { failedByMachine, parseObjective } from '../replay/rate-search.js';
import type { RateSearch, Result } from '../result/schema.js';
import { formatRate } from '../text/quantities.js';

/** One line per search: what was found. */
export function searchLines(result: Result): string {
  return (result.rateSearches ?? [])
    .map((search) => {
      const { design, objective, bestPps, steps, build, timed } = search;
      const how = `${steps.length} steps, ${build ?? 'probed'} build, packets ${timed === false ? 'not ' : ''}timed`;
      const found =
        bestPps == null
          ? `${design}: no rate holds ${objective} (${how})\n`
          : `${design}: ${formatRate(bestPps)} is the highest rate that holds ${objective} (${how})\n`;
      return found + machineLines(search, result);
    })
    .join('');
}

/** Where the lowest rate that did not hold failed by the machine: the design may do better than was found. */
function machineLines({ steps, objective }: RateSearch, { cases }: Result): string {
  const failed = steps.filter(({ held }) => !held).toSorted((a, b) => a.pps - b.pps)[0];
  const run = cases.find(({ id }) => id === failed?.caseId);
  if (failed === undefined || run === undefined) return '';
  return failedByMachine(parseObjective(objective), run)
    .map(
      (reason) =>
        `  ~ at ${formatRate(failed.pps)} it failed by ${reason}; search on quieter or isolated cores (--pin)\n`,
    )
    .join('');
}
