import { describe, expect, it } from 'vitest';
import type { CaptureRecord } from '../../../tools/captures/reader.js';
import {
  ethernetOriginalLength,
  linkTypeName,
  toEthernetFrame,
} from '../../../tools/captures/link-type.js';

const IPV4 = Uint8Array.of(0x45, 0, 0, 20, 1, 2, 3, 4);
const IPV6 = Uint8Array.of(0x60, 0, 0, 0, 5, 6, 7, 8);
const NO_ADDRESSES = Array.from({ length: 12 }, () => 0);

function record(linkType: number, frame: Iterable<number>, extra = 0): CaptureRecord {
  const bytes = Uint8Array.from(frame);
  return {
    recordIndex: 9,
    fileOffset: 1234,
    timestampNs: 0n,
    frame: bytes,
    originalLength: bytes.length + extra,
    linkType,
    interfaceIndex: 0,
  };
}

function convert(linkType: number, frame: Iterable<number>): number[] {
  return [...toEthernetFrame(record(linkType, frame), 'file.pcap')];
}

const sll = (protocol: number, hardware = 1, addressLength = 6): number[] => [
  0, 0, hardware >> 8, hardware & 255, 0, addressLength, 2, 3, 4, 5, 6, 7, 0, 0, protocol >> 8, protocol & 255,
];
const sll2 = (protocol: number, hardware = 1, addressLength = 6): number[] => [
  protocol >> 8, protocol & 255, 0, 0, 0, 0, 0, 3, hardware >> 8, hardware & 255, 0, addressLength, 2, 3, 4, 5, 6, 7, 0, 0,
];

describe('conversion to Ethernet', () => {
  it('gives Ethernet frames back as they are, without a copy', () => {
    const ethernet = record(1, Array.from({ length: 60 }, (_, index) => index));
    expect(toEthernetFrame(ethernet, 'f')).toBe(ethernet.frame);
  });

  it.each([
    { name: 'raw IP holding IPv4', linkType: 101, packet: IPV4, type: [0x08, 0x00] },
    { name: 'raw IP holding IPv6', linkType: 101, packet: IPV6, type: [0x86, 0xdd] },
    { name: 'raw IP holding neither', linkType: 101, packet: Uint8Array.of(0x50), type: [0xff, 0xff] },
    { name: 'raw IP holding nothing', linkType: 101, packet: Uint8Array.of(), type: [0xff, 0xff] },
    { name: 'raw IPv4', linkType: 228, packet: IPV4, type: [0x08, 0x00] },
    { name: 'raw IPv6', linkType: 229, packet: IPV6, type: [0x86, 0xdd] },
  ])('$name', ({ linkType, packet, type }) => {
    expect(convert(linkType, packet)).toEqual([...NO_ADDRESSES, ...type, ...packet]);
  });

  it.each([
    { name: 'null, little-endian IPv4', linkType: 0, head: [2, 0, 0, 0], type: [0x08, 0x00] },
    { name: 'null, big-endian IPv4', linkType: 0, head: [0, 0, 0, 2], type: [0x08, 0x00] },
    { name: 'null, IPv6 of Darwin', linkType: 0, head: [30, 0, 0, 0], type: [0x86, 0xdd] },
    { name: 'null, IPv6 of FreeBSD, big-endian', linkType: 0, head: [0, 0, 0, 28], type: [0x86, 0xdd] },
    { name: 'loop, IPv6 of OpenBSD', linkType: 108, head: [0, 0, 0, 24], type: [0x86, 0xdd] },
    { name: 'null, another family', linkType: 0, head: [7, 0, 0, 0], type: [0xff, 0xff] },
  ])('$name', ({ linkType, head, type }) => {
    expect(convert(linkType, [...head, ...IPV4])).toEqual([...NO_ADDRESSES, ...type, ...IPV4]);
  });

  it.each([
    { name: 'v1', linkType: 113, head: sll },
    { name: 'v2', linkType: 276, head: sll2 },
  ])('Linux cooked $name: protocol and sender', ({ linkType, head }) => {
    const destination = [0, 0, 0, 0, 0, 0];
    const source = [2, 3, 4, 5, 6, 7];
    expect(convert(linkType, [...head(0x0800), ...IPV4])).toEqual([...destination, ...source, 0x08, 0x00, ...IPV4]);
    expect(convert(linkType, [...head(0x86dd, 772, 0), ...IPV6])).toEqual([...NO_ADDRESSES, 0x86, 0xdd, ...IPV6]);
    // A VLAN tag stays in the payload, as it does in an Ethernet frame.
    expect(convert(linkType, [...head(0x8100), 0, 5, 0x08, 0, ...IPV4]).slice(12, 18)).toEqual([0x81, 0, 0, 5, 0x08, 0]);
    // 802.2 becomes an 802.3 frame, whose type field is the payload's length.
    expect(convert(linkType, [...head(0x0004), 0x42, 0x42, 3]).slice(12)).toEqual([0, 3, 0x42, 0x42, 3]);
    // CAN and netlink carry no network protocol.
    expect(convert(linkType, [...head(0x000c), 1, 2]).slice(12)).toEqual([0xff, 0xff, 1, 2]);
    expect(convert(linkType, [...head(0x0800, 824), 1, 2]).slice(12)).toEqual([0xff, 0xff, 1, 2]);
  });

  it.each([0, 108, 113, 276])('a record shorter than the link header of type %i stays harmless', (linkType) => {
    expect(convert(linkType, [1, 2, 3])).toEqual([...NO_ADDRESSES, 0xff, 0xff]);
  });

  it('keeps what the snap length cut off in the length on the wire', () => {
    const cooked = record(113, [...sll(0x0800), ...IPV4], 100);
    const frame = toEthernetFrame(cooked, 'f');
    expect(ethernetOriginalLength(cooked, frame)).toBe(14 + IPV4.length + 100);
  });

  it.each([
    [127, 'link type 127 (IEEE 802.11 with radiotap header) cannot be replayed'],
    [4711, 'link type 4711 cannot be replayed'],
  ])('refuses link type %i by name and number', (linkType, reason) => {
    const other = record(linkType, [1, 2, 3]);
    expect(() => toEthernetFrame(other, 'wifi.pcap')).toThrow(
      `wifi.pcap, record 9, byte offset 1234: ${reason}`,
    );
  });

  it('names link types', () => {
    expect(linkTypeName(276)).toBe('Linux cooked v2');
    expect(linkTypeName(9999)).toBe('link type 9999');
  });
});
