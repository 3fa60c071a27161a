/** What lies in the engine's memory by itself starts on a cache line: descriptors, requests, records of a ring. */
export const LINE_BYTES = 64;

export function alignLine(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
