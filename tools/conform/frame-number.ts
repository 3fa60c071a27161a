/**
 * Trackers do not look at MAC addresses, so on their way through the switch these carry what the harness needs to know:
 * the destination the packet's number, the source the number of its request. Both are locally administered unicast.
 */
const MAC_BYTES = 12;
const LOCAL_UNICAST = 0x0200;

/** A copy of a frame with its number, and that of its request, in place of the addresses. */
export function numberFrame(frame: Uint8Array, packetIndex: number, requestIndex: number): Uint8Array {
  const copy = new Uint8Array(frame);
  const view = new DataView(copy.buffer);
  view.setUint16(0, LOCAL_UNICAST);
  view.setUint32(2, packetIndex);
  view.setUint16(6, LOCAL_UNICAST);
  view.setUint32(8, requestIndex);
  return copy;
}

/** The packet number that a frame carries. */
export function packetIndexOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(2);
}

/** A copy of a numbered frame with the addresses that it had. */
export function restoreMacs(frame: Uint8Array, original: Uint8Array): Uint8Array {
  const copy = new Uint8Array(frame);
  copy.set(original.subarray(0, MAC_BYTES));
  return copy;
}

/** The source address that names a request, as text. */
export function requestMac(requestIndex: number): string {
  const bytes = new Uint8Array(6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, LOCAL_UNICAST);
  view.setUint32(2, requestIndex);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
