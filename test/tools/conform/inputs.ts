/** Packets for both trackers without a capture, and what to say of a comparison. */
import type { TrackerConfig } from '../../../tools/config/read-config.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { createRules } from '../../../tools/config/rules.js';
import type { ConformInput } from '../../../tools/conform/conform-input.js';
import type { ConformRun } from '../../../tools/conform/conform-run.js';
import { runThroughOvs } from '../../../tools/conform/ovs-run.js';
import { OvsSandbox } from '../../../tools/conform/ovs-sandbox.js';
import type { DesignReport } from '../../../tools/conform/run-conform.js';
import { FIRST_PACKET_MS } from '../../../tools/oracle/capture-run.js';

/** Frames, each with its time in milliseconds after the first, under a configuration given as YAML. */
export function conformInput(
  yaml: string,
  packets: readonly (readonly [ms: number, frame: Uint8Array])[],
): ConformInput {
  const config: TrackerConfig = parseConfig(yaml, 'test.yaml');
  const rules = createRules(config);
  return {
    config,
    requests: rules.requests,
    packets: packets.map(([ms, frame]) => ({
      frame,
      timestampMs: FIRST_PACKET_MS + ms,
      requestIndex: rules.choose({ frame, worker: 0 }),
    })),
  };
}

/** Runs packets through a private Open vSwitch of their own; its version line comes along. */
export async function throughOvs(input: ConformInput): Promise<{ run: ConformRun; version: string }> {
  const sandbox = await OvsSandbox.start();
  try {
    return { version: await sandbox.version(), run: await runThroughOvs(sandbox, input) };
  } finally {
    await sandbox.stop();
  }
}

/** Differences that nothing explains, as text. */
export function unexplained({ differences }: DesignReport): string[] {
  return differences
    .filter(({ explanation }) => explanation === null)
    .map(({ place, tracker, ovs }) => `${place}: ctreplay ${tracker}, Open vSwitch ${ovs}`);
}

/** States of a run in the order of the packets. */
export function statesOf(run: ConformRun): string[] {
  return run.packets.map(({ outputs }) => outputs.map(({ state }) => state).join());
}
