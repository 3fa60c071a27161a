import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCapture, type CaptureReader, type CaptureRecord, type OpenCaptureOptions } from '../../../tools/captures/reader.js';
import { CaptureError } from '../../../tools/captures/reader.js';

/** A temporary folder of one test file. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'ctreplay-captures-'));

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, bytes: Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, bytes);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface ReadCapture {
  readonly records: CaptureRecord[];
  readonly reader: CaptureReader;
}

/** Reads a capture to its end. */
export async function readAll(path: string, options: OpenCaptureOptions = {}): Promise<ReadCapture> {
  const reader = await openCapture(path, options);
  const records: CaptureRecord[] = [];
  try {
    for await (const record of reader) records.push(record);
  } finally {
    await reader.close();
  }
  return { records, reader };
}

export interface Outcome {
  readonly recordsBefore: number;
  readonly error: CaptureError;
}

/** Reads a capture that must fail, and returns how many records came first and the error. */
export async function readFailing(path: string, options: OpenCaptureOptions = {}): Promise<Outcome> {
  let recordsBefore = 0;
  try {
    const reader = await openCapture(path, options);
    try {
      for await (const _record of reader) recordsBefore += 1;
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { recordsBefore, error };
  }
  throw new Error(`${path} was read without an error, ${recordsBefore} records`);
}
