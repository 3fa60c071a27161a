/** What Open vSwitch did with a capture, kept in test/proof/states: a run as gzipped JSON, frames in base64. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ConformRun } from '../../../tools/conform/conform-run.js';
import { PROOF } from '../../support/conformance.js';

/** A run, and the version line of the switch. */
export interface AskedRun {
  readonly run: ConformRun;
  readonly version: string;
}

interface FrameText {
  readonly base64: string;
}

function fileOf(capture: string): string {
  return join(PROOF, 'states', `${capture}.json.gz`);
}

/** The run that was recorded of a capture. */
export function recordedRun(capture: string): AskedRun {
  const text = gunzipSync(readFileSync(fileOf(capture))).toString('utf8');
  return JSON.parse(text, (key, value: unknown) =>
    key === 'frame' ? new Uint8Array(Buffer.from((value as FrameText).base64, 'base64')) : value,
  ) as AskedRun;
}

/** Records a run: `CTREPLAY_RECORD_PROOF=1 npx vitest run test/tools/conform/recorded-captures.test.ts`. */
export function recordRun(capture: string, asked: AskedRun): void {
  const text = JSON.stringify(asked, (key, value: unknown) =>
    key === 'frame' ? { base64: Buffer.from(value as Uint8Array).toString('base64') } : value,
  );
  writeFileSync(fileOf(capture), gzipSync(text, { level: 9 }));
}
