/** The CSV table `summary`: a row a case, and a column for all that it was and came to. */
import { caseRows, distributionColumns, withheldColumns, type CaseRow } from './csv-case-columns.js';
import type { Field } from '../text/csv.js';
import { column, forCase, table } from './csv-table.js';
import { mutexOf, touchAheadOf } from '../result/cells.js';
import { outcomeOf } from '../result/outcome.js';
import { sweepsOf } from '../result/cells.js';
import { ppsOf, throughputOf } from '../result/throughput.js';

const SUMMARY_PERCENTILES = ['mean_ns', 'p50_ns', 'p90_ns', 'p99_ns', 'p99_9_ns', 'p99_99_ns', 'max_ns'];

export const summary = table<CaseRow>(
  'summary',
  'One row per case: what was run, how fast, and on what.',
  forCase<CaseRow>([
    column('kind', '`replay` or `bench`.', ({ entry }) => entry.kind),
    column('preset', 'Preset of the design.', ({ entry }) => asField(entry.designOptions?.['preset'])),
    column('started_at', 'UTC, ISO 8601.', ({ run, entry }) => entry.startedAt ?? run.result.createdAt),
    column('pacing', '`topspeed`, `pps`, `mbps` or `multiplier`.', ({ entry }) => entry.pacing.mode),
    column('target_pps', 'Packets per second asked for.', ({ entry }) => entry.pacing.targetPps),
    column('target_mbps', 'Megabits per second asked for.', ({ entry }) => entry.pacing.targetMbps),
    column(
      'multiplier',
      'Multiple of the capture’s own pace asked for.',
      ({ entry }) => entry.pacing.multiplier,
    ),
    column(
      'throughput_pps',
      'Packets per second, all workers, from the run that `throughput_build` and `throughput_timed` name.',
      ({ entry }) => ppsOf(entry),
    ),
    column(
      'throughput_build',
      'Build that throughput was measured with: `bare` or `probed`.',
      ({ entry }) => throughputOf(entry).build,
    ),
    column(
      'throughput_timed',
      'Whether packets were timed while throughput was measured.',
      ({ entry }) => throughputOf(entry).timed,
    ),
    column('throughput_packets', 'Packets of that run.', ({ entry }) => throughputOf(entry).packets),
    column(
      'throughput_elapsed_ns',
      'Length of that run, in nanoseconds.',
      ({ entry }) => throughputOf(entry).elapsedNs,
    ),
    column(
      'throughput_harness_share',
      'Share of the workers’ time in that run outside the tracker, 0 to 1.',
      ({ entry }) => throughputOf(entry).harnessShare,
    ),
    column(
      'throughput_touched_batch_share',
      'Share of the batches of that run that touched ahead, 0 to 1.',
      ({ entry }) => throughputOf(entry).touchedBatchShare,
    ),
    column(
      'achieved_pps',
      'Packets per second, all workers, in the run that everything else comes from.',
      ({ entry }) =>
        entry.pacing.achievedPps ??
        (entry.elapsedNs > 0 ? entry.packets.injected / (entry.elapsedNs / 1e9) : null),
    ),
    column(
      'achieved_mbps',
      'Megabits of frames per second, all workers.',
      ({ entry }) => entry.pacing.achievedMbps,
    ),
    column(
      'on_engine_pps',
      'Packets per second of time inside the engine, all workers: harness and waiting taken out.',
      ({ entry }) => entry.pacing.onEnginePps,
    ),
    column(
      'harness_share',
      'Share of worker time, waiting for due times left out, that was not the engine’s, 0 to 1.',
      ({ entry }) => entry.harnessShare,
    ),
    column('elapsed_ns', 'Recorded part of the run, in nanoseconds.', ({ entry }) => entry.elapsedNs),
    column('packets', 'Packets injected.', ({ entry }) => entry.packets.injected),
    column('invalid_packets', 'Packets that were marked invalid.', ({ entry }) =>
      outcomeOf(entry, 'invalid'),
    ),
    column('nat_failed_packets', 'Packets for whose connection there was no free NAT tuple.', ({ entry }) =>
      outcomeOf(entry, 'natFailed'),
    ),
    column('refused_packets', 'Packets whose connection a zone limit refused.', ({ entry }) =>
      outcomeOf(entry, 'refused'),
    ),
    column('table_full_packets', 'Packets that found no room in the connection table.', ({ entry }) =>
      outcomeOf(entry, 'tableFull'),
    ),
    column('batch', 'Packets per batch.', ({ entry }) => entry.batch),
    column('steer', 'How packets were given to workers.', ({ entry }) => entry.steer),
    column('clock', 'What drives expiry.', ({ entry }) => entry.clock),
    column('mutex', 'How waiters of a lock spin: `glibc` or `backoff`.', ({ entry }) => mutexOf(entry)),
    column(
      'touch_ahead',
      'Whether batches touch ahead what their packets need: `auto`, `on` or `off`.',
      ({ entry }) => touchAheadOf(entry),
    ),
    column(
      'touched_batch_share',
      'Share of the batches that did, 0 to 1, in the run of the times.',
      ({ entry }) => entry.touchedBatchShare,
    ),
    column('loops', 'Passes over the input.', ({ entry }) => entry.loops),
    column(
      'repeated_tuples',
      'Whether packets were replayed again under the same addresses.',
      ({ entry }) => entry.repeatedTuples,
    ),
    column(
      'bound',
      '`source` where the rate is that of the source of streamed packets.',
      ({ entry }) => entry.bound,
    ),
    ...distributionColumns<CaseRow>(
      'service_',
      'service time',
      ({ entry }) => entry.latency?.service?.overall,
      SUMMARY_PERCENTILES,
    ),
    ...withheldColumns<CaseRow>('service_', ({ entry }) => entry.latency?.service?.overall),
    ...distributionColumns<CaseRow>(
      'response_',
      'response time',
      ({ entry }) => entry.latency?.response?.overall,
      SUMMARY_PERCENTILES,
    ),
    ...withheldColumns<CaseRow>('response_', ({ entry }) => entry.latency?.response?.overall),
    column(
      'clock_loop_p99_9_ns',
      'The same percentile of a bare clock loop on the workers’ cores, over stretches as long as the median service time, in nanoseconds.',
      ({ entry }) => entry.latency?.service?.clockLoop?.p999Ns,
    ),
    column(
      'worker_imbalance',
      'Packets of the busiest worker over the mean of all workers; 1 is even.',
      ({ entry }) => entry.packets.imbalance,
    ),
    column(
      'lock_wait_share',
      'Share of worker time spent waiting for locks, 0 to 1.',
      ({ entry }) => entry.lockWaitShare,
    ),
    column(
      'cpu_wait_share',
      'Share of worker time spent runnable without a CPU, 0 to 1.',
      ({ entry }) => entry.cpuWaitShare,
    ),
    column('connections_created', 'Connections created.', ({ entry }) => entry.connections?.created),
    column(
      'connections_expired',
      'Connections removed because their time was up.',
      ({ entry }) => entry.connections?.expired,
    ),
    column(
      'connections_remaining',
      'Connections in the table at the end.',
      ({ entry }) => entry.connections?.remaining,
    ),
    column('sweeps', 'Sweeps during the run.', ({ entry }) => sweepsOf(entry)),
    ...distributionColumns<CaseRow>(
      'expiry_lag_',
      'from expiry to removal, of those removed',
      ({ entry }) => entry.expiry?.lag,
      ['p50_ns', 'p99_ns', 'max_ns'],
    ),
    column(
      'bytes_per_connection',
      'Bytes of memory per connection.',
      ({ entry }) => entry.memory?.bytesPerConnection,
    ),
    column('seed', 'Seed of the run.', ({ run }) => run.result.seed),
    column(
      'partial',
      'Whether the case or the run was cut short.',
      ({ run, entry }) => entry.partial ?? run.result.partial,
    ),
    column('valid', 'Whether the self-audit of the run passed.', ({ run }) => run.result.valid),
    column('verdict_hash', 'Equal for runs with equal verdicts.', ({ entry }) => entry.packets.verdictHash),
    column('tool_version', 'Version of ctreplay.', ({ run }) => run.result.tool.version),
    column('commit', 'Its Git commit.', ({ run }) => run.result.tool.commit),
    column('node', 'Version of Node.js.', ({ run }) => run.result.environment.node),
    column('cpu_model', 'CPU model.', ({ run }) => run.result.environment.cpuModel),
    column('cores_online', 'CPU cores online.', ({ run }) => run.result.environment.coresOnline),
    column(
      'steal_share',
      'Share of CPU time taken by the hypervisor, 0 to 1.',
      ({ run }) => run.result.environment.stealShare,
    ),
    column(
      'clock_cost_ns',
      'What one timer read costs, in nanoseconds.',
      ({ run, entry }) => entry.timer?.costNs ?? run.result.environment.clock.costNs,
    ),
    column(
      'clock_step_ns',
      'The timer’s smallest step, in nanoseconds.',
      ({ run, entry }) => entry.timer?.stepNs ?? run.result.environment.clock.stepNs,
    ),
  ]),
  caseRows,
  true,
);

function asField(value: unknown): Field {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
