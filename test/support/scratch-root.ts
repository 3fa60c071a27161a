/** Whatever a run of the tests leaves in the folder for temporary files goes with it: a folder of its own, removed at the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../tools/regress/engine-builds.js';

/** Vitest calls this before it starts its processes, which inherit the environment, and what it gives back after the last test. */
export default function setUp(): () => void {
  // Built engines of other commits serve the next run as well.
  process.env['CTREPLAY_BUILDS'] = cacheFolder();
  const root = mkdtempSync(join(tmpdir(), 'ctreplay-tests-'));
  process.env['TMPDIR'] = root;
  return () => rmSync(root, { recursive: true, force: true });
}
