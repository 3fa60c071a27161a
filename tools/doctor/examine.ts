/** Collects what the doctor looks at from the running machine. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { availableDesigns } from '../../engine/host/designs.js';
import { addressSpaceLimitBytes, allocateEngineMemory } from '../../engine/host/engine-memory.js';
import { loadEngine } from '../../engine/host/module.js';
import { calibrateClock } from '../measure/clock.js';
import { readEnvironment } from '../measure/environment.js';
import { probeNoise } from '../measure/noise.js';
import {
  currentThreadId,
  machineShares,
  readMachineSchedule,
  readThreadSchedule,
} from '../measure/schedstat.js';
import { systemFiles } from '../measure/system-files.js';
import type { MachineFacts } from './findings.js';

/** How long steal is watched besides the noise probe, milliseconds. */
const WATCH_MS = 300;
const NOISE_PROBE_MS = 300;

/** Examines the machine: about a second, in half of which one thread is busy. */
export async function examine(): Promise<MachineFacts> {
  const clock = { name: 'performance.now', nowNs: (): number => performance.now() * 1e6 };
  const before = readMachineSchedule(systemFiles);
  const environment = readEnvironment(systemFiles);
  const calibrated = calibrateClock(clock);
  const noise = probeNoise({ clock, probeMs: NOISE_PROBE_MS });
  await wait(WATCH_MS);
  const threadId = currentThreadId(systemFiles);
  return {
    environment,
    clock: calibrated,
    noise,
    shares: machineShares(readMachineSchedule(systemFiles), before),
    designs: availableDesigns(),
    canPin: findProgram('taskset') !== null,
    hasSchedstat: threadId !== null && readThreadSchedule(systemFiles, threadId).waitNs !== null,
    openVswitch: openVswitchVersion(),
    chromium:
      ['chromium', 'chromium-browser', 'google-chrome'].map(findProgram).find((path) => path !== null) ??
      null,
    nodeMajor: Number(process.versions.node.split('.')[0]),
    addressSpaceLimitBytes: addressSpaceLimitBytes(),
    engineMemoryFailure: engineMemoryFailure(availableDesigns()),
  };
}

/** Why an engine gets no memory here; null when it does, or when there is none to try. */
function engineMemoryFailure(designs: readonly string[]): string | null {
  try {
    for (const design of designs) loadEngine(design, 'probed');
    // A run has a memory of its own beside the one that a module is looked at with.
    if (designs.length > 0) allocateEngineMemory(1, 'any', 0);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Where a program is in PATH (and the usual sbin folders); null when it is not. */
function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return (
    folders
      .filter((folder) => folder !== '')
      .map((folder) => join(folder, name))
      .find(existsSync) ?? null
  );
}

function openVswitchVersion(): string | null {
  const program = findProgram('ovs-vswitchd');
  if (program === null) return null;
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 5000 });
  return status === 0 ? (stdout.split('\n')[0] ?? program) : program;
}
