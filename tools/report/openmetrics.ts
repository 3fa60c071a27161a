/** The figures of results as OpenMetrics text, for a Prometheus push gateway or a textfile collector. Times in seconds, shares 0 to 1. */
import { OUTCOMES, outcomeOf } from '../result/outcome.js';
import type { Run } from '../result/runs.js';
import type { LatencyDistribution, ResultCase } from '../result/schema.js';
import { PERCENTILE_SHARES, percentileOf, type PercentileKey } from '../result/tail.js';
import { ppsOf } from '../result/throughput.js';
import { printable } from '../text/escape.js';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | null | undefined];

/** A metric family: a gauge, since a result is what was found at one time. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: (entry: ResultCase) => readonly Sample[];
}

function seconds(ns: number | null | undefined): number | null {
  return ns == null ? null : ns / 1e9;
}

/** The percentiles of a distribution that may be shown, with their quantile for a label. */
function quantiles(figures: LatencyDistribution | null | undefined): Sample[] {
  return (Object.keys(PERCENTILE_SHARES) as PercentileKey[]).map((key) => [
    { quantile: String(PERCENTILE_SHARES[key]) },
    seconds(percentileOf(figures, key)),
  ]);
}

const FAMILIES: readonly Family[] = [
  {
    name: 'throughput_packets_per_second',
    help: 'Packets per second, all workers.',
    samples: (entry) => [[{}, ppsOf(entry)]],
  },
  {
    name: 'service_time_seconds',
    help: 'Time of a packet in the tracker, by quantile.',
    samples: (entry) => quantiles(entry.latency?.service?.overall),
  },
  {
    name: 'response_time_seconds',
    help: 'Time from when a packet was due to when it was done, by quantile.',
    samples: (entry) => quantiles(entry.latency?.response?.overall),
  },
  {
    name: 'expiration_lag_seconds',
    help: 'Time from expiry to removal, by quantile.',
    samples: (entry) => quantiles(entry.expiry?.lag),
  },
  {
    name: 'lock_wait_ratio',
    help: 'Share of the workers’ time spent waiting for locks.',
    samples: (entry) => [[{}, entry.lockWaitShare]],
  },
  { name: 'packets', help: 'Packets injected.', samples: (entry) => [[{}, entry.packets.injected]] },
  {
    name: 'packets_turned_away',
    help: 'Packets that were not tracked as they asked for, by outcome.',
    samples: (entry) => OUTCOMES.map((outcome): Sample => [{ outcome }, outcomeOf(entry, outcome)]),
  },
  {
    name: 'connections_remaining',
    help: 'Connections in the table at the end.',
    samples: (entry) => [[{}, entry.connections?.remaining]],
  },
  {
    name: 'audit_passed',
    help: '1 when every check of the self-audit passed, else 0: then do not use the figures.',
    samples: (entry) => [[{}, entry.audit.every(({ ok }) => ok) ? 1 : 0]],
  },
];

/** The text, ending with the line that OpenMetrics demands. */
export function openMetricsText(runs: readonly Run[]): string {
  const lines = FAMILIES.flatMap(({ name, help, samples }) => {
    const full = `ctreplay_${name}`;
    const values = runs.flatMap((run) =>
      run.result.cases.flatMap((entry) =>
        samples(entry).flatMap(([labels, value]) =>
          value == null ? [] : [`${full}${labelText({ ...labelsOf(run, entry), ...labels })} ${value}`],
        ),
      ),
    );
    return values.length === 0 ? [] : [`# TYPE ${full} gauge`, `# HELP ${full} ${help}`, ...values];
  });
  return [...lines, '# EOF', ''].join('\n');
}

function labelsOf(run: Run, entry: ResultCase): Labels {
  return {
    run: run.label,
    case: entry.id,
    design: entry.design,
    input: entry.input.name,
    workers: String(entry.workers),
    trial: String(entry.trial),
  };
}

/** Labels in braces; backslash and quote escaped as the format demands, and nothing that could break the line. */
function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${printable(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
  );
  return `{${parts.join(',')}}`;
}
