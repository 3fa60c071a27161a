/** A benchmark did not do what it is there to measure. */
export class MicroError extends Error {
  override readonly name = 'MicroError';
}
