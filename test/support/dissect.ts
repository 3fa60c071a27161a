/**
 * A plain dissector to judge built packets by. It shares no code with the builders: it is the second opinion.
 */
export interface Dissected {
  layers: string[];
  vlans: number[];
  src: string;
  dst: string;
  upper: 'tcp' | 'udp' | 'icmp' | 'other' | 'fragment';
  sport: number;
  dport: number;
  seq: number;
  ack: number;
  flags: number;
  payload: Uint8Array;
  trailer: Uint8Array;
  fragment: { offset: number; more: boolean; id: number } | null;
  badChecksums: string[];
}

/** One's complement sum of 16-bit words, one carry at a time. */
export function onesComplementSum(words: readonly number[]): number {
  let sum = 0;
  for (const word of words) {
    sum += word;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

function wordsOf(bytes: Uint8Array): number[] {
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 2) words.push(bytes[i]! * 256 + (bytes[i + 1] ?? 0));
  return words;
}

/** Takes an Ethernet frame apart. Throws on what is malformed in structure; collects bad checksums. */
export function dissect(frame: Uint8Array): Dissected {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const seen: Dissected = {
    layers: ['ethernet'],
    vlans: [],
    src: '',
    dst: '',
    upper: 'other',
    sport: 0,
    dport: 0,
    seq: 0,
    ack: 0,
    flags: 0,
    payload: new Uint8Array(0),
    trailer: new Uint8Array(0),
    fragment: null,
    badChecksums: [],
  };
  let at = 14;
  let type = view.getUint16(12);
  while (type === 0x8100 || type === 0x88a8) {
    seen.layers.push('vlan');
    seen.vlans.push(view.getUint16(at) & 0xfff);
    type = view.getUint16(at + 2);
    at += 4;
  }
  let protocol: number;
  let end: number;
  let pseudo: Uint8Array;
  if (type === 0x0800) {
    seen.layers.push('ipv4');
    const headerLength = (frame[at]! & 15) * 4;
    end = at + view.getUint16(at + 2);
    if (headerLength < 20 || frame[at]! >> 4 !== 4) throw new Error('bad IPv4 header');
    if (onesComplementSum(wordsOf(frame.slice(at, at + headerLength))) !== 0xffff)
      seen.badChecksums.push('ipv4');
    const flags = view.getUint16(at + 6);
    if (flags & 0x3fff) {
      seen.fragment = { offset: (flags & 0x1fff) * 8, more: !!(flags & 0x2000), id: view.getUint16(at + 4) };
    }
    protocol = frame[at + 9]!;
    pseudo = frame.slice(at + 12, at + 20);
    seen.src = pseudo.slice(0, 4).join('.');
    seen.dst = pseudo.slice(4).join('.');
    at += headerLength;
  } else if (type === 0x86dd) {
    seen.layers.push('ipv6');
    end = at + 40 + view.getUint16(at + 4);
    protocol = frame[at + 6]!;
    pseudo = frame.slice(at + 8, at + 40);
    seen.src = Buffer.from(pseudo.slice(0, 16)).toString('hex');
    seen.dst = Buffer.from(pseudo.slice(16)).toString('hex');
    at += 40;
    while ([0, 43, 44, 51, 60].includes(protocol)) {
      seen.layers.push(`ext${protocol}`);
      const next = frame[at]!;
      if (protocol === 44) {
        const word = view.getUint16(at + 2);
        seen.fragment = { offset: word & 0xfff8, more: !!(word & 1), id: view.getUint32(at + 4) };
        at += 8;
      } else if (protocol === 51) at += (frame[at + 1]! + 2) * 4;
      else at += (frame[at + 1]! + 1) * 8;
      protocol = next;
    }
  } else {
    seen.layers.push(`type${type.toString(16)}`);
    return seen;
  }
  if (end > frame.length || at > end) throw new Error(`IP packet ends at ${end}, frame at ${frame.length}`);
  seen.trailer = frame.slice(end);
  if (seen.fragment) {
    seen.upper = 'fragment';
    seen.payload = frame.slice(at, end);
    return seen;
  }
  dissectUpper(seen, frame.slice(at, end), protocol, [...wordsOf(pseudo), protocol, end - at]);
  return seen;
}

function dissectUpper(seen: Dissected, segment: Uint8Array, protocol: number, pseudo: number[]): void {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const verify = (name: string, words: number[]): void => {
    if (onesComplementSum([...words, ...wordsOf(segment)]) !== 0xffff) seen.badChecksums.push(name);
  };
  if (protocol === 6) {
    seen.upper = 'tcp';
    seen.layers.push('tcp');
    seen.seq = view.getUint32(4);
    seen.ack = view.getUint32(8);
    seen.flags = segment[13]!;
    const headerLength = (segment[12]! >> 4) * 4;
    if (headerLength < 20 || headerLength > segment.length) throw new Error('bad TCP data offset');
    seen.payload = segment.slice(headerLength);
    verify('tcp', pseudo);
  } else if (protocol === 17) {
    seen.upper = 'udp';
    seen.layers.push('udp');
    if (view.getUint16(4) !== segment.length) throw new Error('bad UDP length');
    seen.payload = segment.slice(8);
    if (view.getUint16(6) !== 0) verify('udp', pseudo);
  } else if (protocol === 1 || protocol === 58) {
    seen.upper = 'icmp';
    seen.layers.push(protocol === 1 ? 'icmp' : 'icmpv6');
    seen.payload = segment.slice(8);
    verify('icmp', protocol === 1 ? [] : pseudo);
  }
  if (protocol === 6 || protocol === 17) {
    seen.sport = view.getUint16(0);
    seen.dport = view.getUint16(2);
  }
}
