/** Using memory before a run, so that the system hands its pages out then and not inside a packet's service time. */

const PAGE_BYTES = 4096;

/** Uses each page of a piece of shared memory once and changes nothing in it. */
export function touchPages(bytes: Uint8Array, from: number, byteCount: number): void {
  if (byteCount <= 0) return;
  const end = from + byteCount;
  for (let at = from; at < end; at += PAGE_BYTES) Atomics.or(bytes, at, 0);
  Atomics.or(bytes, end - 1, 0);
}
