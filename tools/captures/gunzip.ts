import { createGunzip, type Gunzip } from 'node:zlib';
import { CaptureError } from './capture-error.js';

const OUTPUT_CHUNK_BYTES = 256 * 1024;
/**
 * Compressed bytes decompressed at a time. Deflate expands at most 1032 times, so that what a step yields, and
 * therefore memory, stays below 17 MiB even for a file made to explode.
 */
const INPUT_STEP_BYTES = 16 * 1024;

/**
 * Decompresses gzip, of one member or several, as a stream; a member's CRC and length are checked by zlib.
 * Everything that could be decompressed is yielded before a fault is thrown.
 * Zero padding after the last member is ignored, as gzip does; anything else there is an error.
 * @throws CaptureError for damaged or cut data; `truncated` is set when only the end is missing
 */
export async function* gunzip(file: string, input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const engine = createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  const output = new GunzipOutput(engine);
  let fedBytes = 0;
  try {
    for await (const chunk of input) {
      for (let from = 0; from < chunk.length; from += INPUT_STEP_BYTES) {
        const step = chunk.subarray(from, from + INPUT_STEP_BYTES);
        if (!output.ended) await output.write(step);
        yield* output.take();
        const unusedFrom = Math.max(0, engine.bytesWritten - fedBytes);
        fedBytes += step.length;
        if (output.fault !== null) throw gunzipFault(file, output.fault, fedBytes);
        if (output.ended && step.subarray(unusedFrom).some((byte) => byte !== 0)) {
          throw trailingFault(file, engine.bytesWritten);
        }
      }
    }
    if (!output.ended) await output.end();
    yield* output.take();
    if (output.fault !== null) throw gunzipFault(file, output.fault, fedBytes);
  } finally {
    engine.destroy();
  }
}

/** Collects what zlib yields per write, so that output precedes the error that follows it. */
class GunzipOutput {
  fault: Error | null = null;
  /** True once zlib takes no more input: it ends where a zero byte follows a member. */
  ended = false;
  private chunks: Buffer[] = [];
  /** zlib's own end, with or without a fault. From then on it calls back about no write. */
  private readonly finished: Promise<void>;

  constructor(private readonly engine: Gunzip) {
    engine.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    this.finished = new Promise((resolve) => {
      engine.on('error', (error: Error) => {
        this.fault = error;
        resolve();
      });
      engine.on('end', () => {
        this.ended = true;
        resolve();
      });
    });
  }

  async write(step: Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve) => {
      this.engine.write(step, () => resolve());
    });
    await Promise.race([written, this.finished]);
  }

  async end(): Promise<void> {
    this.engine.end();
    await this.finished;
  }

  take(): Buffer[] {
    const taken = this.chunks;
    this.chunks = [];
    return taken;
  }
}

function gunzipFault(file: string, cause: Error, fedBytes: number): CaptureError {
  const truncated = (cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
  return new CaptureError({
    file,
    truncated,
    reason: truncated
      ? `the gzip data end early, after ${fedBytes} compressed bytes`
      : `the gzip data are damaged within the first ${fedBytes} compressed bytes: ${cause.message}`,
    advice: 'Check it with: gzip -t FILE; copy or compress the capture again.',
    cause,
  });
}

function trailingFault(file: string, compressedBytes: number): CaptureError {
  return new CaptureError({
    file,
    reason: `what follows the end of the gzip data, at compressed byte ${compressedBytes}, is neither gzip nor zeros`,
    advice: 'Check it with: gzip -t FILE; copy or compress the capture again.',
  });
}
