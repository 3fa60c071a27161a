/** Work that takes long is ended by the first signal, and leaves nothing half done behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { CLI, ctreplay, scratchFolder } from '../../support/command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Sends a signal as soon as the folder holds something, and waits for the end. */
async function endedWhenItWrites(args: readonly string[], where: string): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: where },
  });
  const look = setInterval(() => {
    if (readdirSync(where).length > 0 && child.kill('SIGTERM')) clearInterval(look);
  }, 10);
  try {
    return await signalOf(child);
  } finally {
    clearInterval(look);
  }
}

async function signalOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return signal;
}

describe('a signal in the midst of long work', () => {
  it.each([
    ['synth', ['syn-flood', '--packets', '20M', '-o', 'synth/flood.pcap']],
    ['prep', ['long.pcap', '-o', 'prep/long.ctp']],
    ['micro', ['--filter', 'mutex|capture', '--design', 'rculist-sweep', '--time', '500ms']],
  ])('%s: ends it, and no file is left', async (name, args) => {
    if (name === 'prep') ctreplay(['synth', 'syn-flood', '--packets', '500k', '-o', 'long.pcap'], folder);
    const where = join(folder, name);
    mkdirSync(where);
    expect(await endedWhenItWrites([name, ...args], where)).toBe('SIGTERM');
    expect(readdirSync(where)).toEqual([]);
  });

  it('ends what lets no event loop turn', async () => {
    const module = pathToFileURL(join(CLI, '..', 'commands', 'program-end.js')).href;
    const program = `
      import { leavingSignalsToTheSystem, watchEnd } from '${module}';
      import { writeSync } from 'node:fs';
      watchEnd([]);
      leavingSignalsToTheSystem(() => {
        writeSync(1, 'busy');
        for (;;);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
    child.stdout.once('data', () => child.kill('SIGINT'));
    expect(await signalOf(child)).toBe('SIGINT');
  });
});
