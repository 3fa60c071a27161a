/** Zstandard data that break the format; the frame reader adds file and offset. */
export class ZstdError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'ZstdError';
  }
}
