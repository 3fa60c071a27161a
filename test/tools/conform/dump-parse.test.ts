import { describe, expect, test } from 'vitest';
import { entryKey, parseConntrackDump, tupleText } from '../../../tools/conform/dump-parse.js';

const TCP =
  'tcp,orig=(src=10.1.1.1,dst=10.1.1.2,sport=1000,dport=21),reply=(src=10.1.1.2,dst=10.1.1.240,sport=21,dport=1000),' +
  'id=0,zone=7,status=SEEN_REPLY|CONFIRMED,timeout=86399,mark=240,labels=0x10,protoinfo=(state_orig=ESTABLISHED,' +
  'state_reply=SYN_SENT,wscale_orig=7,wscale_reply=6,flags_orig=WINDOW_SCALE,flags_reply=),helper=ftp,' +
  'parent=(src=10.1.1.9,dst=10.1.1.2,sport=5,dport=21)';
const ICMP6 =
  'icmpv6,orig=(src=fc00::1,dst=fc00::2,id=9,type=128,code=0),reply=(src=fc00::2,dst=fc00::1,id=9,type=129,code=0)';

describe('parseConntrackDump', () => {
  test('reads a verbose TCP entry in full', () => {
    const [entry] = parseConntrackDump(TCP);
    expect(entry).toMatchObject({
      proto: 'tcp',
      orig: { src: '10.1.1.1', dst: '10.1.1.2', ports: [1000, 21], icmp: null },
      reply: { dst: '10.1.1.240', ports: [21, 1000] },
      zone: 7,
      mark: 240,
      labels: '0x10',
      timeoutS: 86399,
      helper: 'ftp',
      tcp: { states: ['ESTABLISHED', 'SYN_SENT'], wscales: [7, 6], flags: ['WINDOW_SCALE', ''] },
      parent: { src: '10.1.1.9', ports: [5, 21] },
    });
  });

  test('reads ICMP ids and IPv6 addresses, and keeps what is absent null', () => {
    const [entry] = parseConntrackDump(`${ICMP6}\n`);
    expect(entry?.orig).toEqual({
      src: 'fc00::1',
      dst: 'fc00::2',
      ports: null,
      icmp: { id: 9, type: 128, code: 0 },
    });
    expect(entry).toMatchObject({ zone: 0, mark: 0, timeoutS: null, helper: null, tcp: null, parent: null });
  });

  test('an empty table is an empty list', () => {
    expect(parseConntrackDump('\n\n')).toEqual([]);
  });

  test('names the line that is no entry', () => {
    expect(() => parseConntrackDump(`${ICMP6}\nudp,orig=(src=10.1.1.1)`)).toThrow(
      /dump line 2: 'orig' is not a tuple/,
    );
    expect(() => parseConntrackDump('udp')).toThrow(/dump line 1: no 'orig'/);
  });
});

describe('entryKey', () => {
  test('differs in every compared field, and in the time left only when asked', () => {
    const [entry] = parseConntrackDump(TCP);
    const [older] = parseConntrackDump(TCP.replace('timeout=86399', 'timeout=5'));
    const [other] = parseConntrackDump(TCP.replace('zone=7', 'zone=8'));
    expect(entryKey(entry!)).not.toBe(entryKey(older!));
    expect(entryKey(entry!, { timeout: true })).toBe(entryKey(older!, { timeout: true }));
    expect(entryKey(entry!)).not.toBe(entryKey(other!));
    expect(tupleText(entry!.orig)).toBe('[10.1.1.1]:1000>[10.1.1.2]:21');
  });
});
