import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { Scratch } from './scratch.js';

const MIB = 1 << 20;
const LONG = Boolean(process.env['CTREPLAY_LONG']);
const FILE_MIB = LONG ? 1024 : 120;
/** What node itself, the program and its buffers may take, however large the capture. */
const BOUND_MIB = LONG ? 256 : 160;
const FRAME_BYTES = 1498;
const CLI = join(import.meta.dirname, '../../../dist/tools/cli.js');
const haveProc = existsSync('/proc/self/status');

const scratch = new Scratch();
afterAll(() => scratch.remove());

function writeLarge(): string {
  const path = scratch.path('large.pcap');
  const frame = new Uint8Array(FRAME_BYTES);
  frame.set([0x08, 0x00, 0x45], 12);
  const writer = new PcapWriter(path);
  const count = Math.ceil((FILE_MIB * MIB) / (FRAME_BYTES + 16));
  for (let index = 0; index < count; index += 1) writer.write({ timestampNs: BigInt(index) * 1000n, frame });
  writer.close();
  expect(statSync(path).size).toBeGreaterThanOrEqual(FILE_MIB * MIB);
  return path;
}

/** Runs the built command and returns its output and the most memory it ever held, in MiB. */
function runMeasured(args: readonly string[]): Promise<{ stdout: string; code: number | null; peakMib: number }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    let peakKib = 0;
    const look = (): void => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peakKib = Math.max(peakKib, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
      } catch {
        // The process has ended.
      }
    };
    const timer = setInterval(look, 10);
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.on('close', (code) => {
      clearInterval(timer);
      resolve({ stdout, code, peakMib: peakKib / 1024 });
    });
  });
}

describe.skipIf(!haveProc)(
  haveProc ? `a capture of ${FILE_MIB} MiB` : 'skipped: /proc, where memory is read from, is not here',
  () => {
    it(`is told about, prepared and converted back within ${BOUND_MIB} MiB`, async () => {
      const path = writeLarge();
      const packets = Math.ceil((FILE_MIB * MIB) / (FRAME_BYTES + 16));
      const prepared = scratch.path('large.ctp');
      const steps: [string, string[]][] = [
        ['info', ['info', '--json', '--no-tracker', path]],
        ['prep', ['prep', '--json', path, '-o', prepared]],
      ];
      if (LONG) {
        steps.push(['info of .ctp', ['info', '--json', '--no-tracker', prepared]]);
        steps.push(['back', ['prep', '--json', prepared, '--format', 'pcapng', '-o', scratch.path('back.pcapng')]]);
      }
      const peaks: Record<string, number> = {};
      for (const [name, args] of steps) {
        const { stdout, code, peakMib } = await runMeasured(args);
        expect(code).toBe(0);
        const printed = JSON.parse(stdout);
        expect(printed.packets ?? printed.captures[0].totals.packets).toBe(packets);
        peaks[name] = Math.round(peakMib);
        expect(peakMib, `peak of ${name}, MiB`).toBeGreaterThan(20);
        expect(peakMib, `peak of ${name}, MiB`).toBeLessThan(BOUND_MIB);
      }
      rmSync(prepared);
      console.log(`peak memory, MiB, with a capture of ${FILE_MIB} MiB:`, peaks);
    }, 600_000);
  },
);
