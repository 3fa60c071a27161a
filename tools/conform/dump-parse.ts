/** One direction of a connection as a dump shows it. */
export interface DumpTuple {
  readonly src: string;
  readonly dst: string;
  /** Source and destination port; null for ICMP. */
  readonly ports: readonly [number, number] | null;
  /** ICMP id, type and code; null for other protocols. */
  readonly icmp: { readonly id: number; readonly type: number; readonly code: number } | null;
}

/** TCP peers' states and windows, as [original, reply]; what the dump leaves out is null. */
export interface DumpTcp {
  readonly states: readonly [string, string];
  readonly wscales: readonly [number, number] | null;
  readonly flags: readonly [string, string] | null;
}

/** One connection of a table. */
export interface DumpEntry {
  /** Protocol name as printed (`tcp`, `icmpv6`) or its number as text. */
  readonly proto: string;
  readonly orig: DumpTuple;
  readonly reply: DumpTuple;
  readonly zone: number;
  readonly mark: number;
  readonly labels: string | null;
  /** Seconds left, rounded down; null where the dump was made without statistics. */
  readonly timeoutS: number | null;
  readonly helper: string | null;
  readonly tcp: DumpTcp | null;
  /** Original tuple of the control connection, for a connection that a helper expected. */
  readonly parent: DumpTuple | null;
}

/**
 * Parses the text of `ovs-appctl dpctl/dump-conntrack` with `-s` and `-m` (either may be missing), one entry a line.
 * @throws SyntaxError naming the line
 */
export function parseConntrackDump(text: string): DumpEntry[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .map((line, index) => (line === '' ? null : parseLine(line, index + 1)))
    .filter((entry) => entry !== null);
}

function parseLine(line: string, lineNumber: number): DumpEntry {
  const fail = (what: string): never => {
    throw new SyntaxError(`dump line ${lineNumber}: ${what}: ${line}`);
  };
  const [proto = '', ...items] = splitTopLevel(line);
  const fields = toFields(items);
  const tuple = (name: string): DumpTuple | null => {
    const value = fields.get(name);
    return value === undefined ? null : (parseTuple(unwrap(value)) ?? fail(`'${name}' is not a tuple`));
  };
  const number = (name: string): number | null => {
    const value = fields.get(name);
    if (value === undefined) return null;
    const parsed = Number(value);
    return Number.isSafeInteger(parsed) ? parsed : fail(`'${name}' is not a number`);
  };
  return {
    proto,
    orig: tuple('orig') ?? fail("no 'orig'"),
    reply: tuple('reply') ?? fail("no 'reply'"),
    zone: number('zone') ?? 0,
    mark: number('mark') ?? 0,
    labels: fields.get('labels') ?? null,
    timeoutS: number('timeout'),
    helper: fields.get('helper') ?? null,
    tcp: proto === 'tcp' ? parseTcp(fields.get('protoinfo')) : null,
    parent: tuple('parent'),
  };
}

function parseTcp(protoinfo: string | undefined): DumpTcp | null {
  if (protoinfo === undefined) return null;
  const fields = toFields(splitTopLevel(unwrap(protoinfo)));
  const both = (name: string): [string, string] | null => {
    const orig = fields.get(`${name}_orig`);
    const reply = fields.get(`${name}_reply`);
    return orig === undefined || reply === undefined ? null : [orig, reply];
  };
  const single = fields.get('state');
  const states = both('state') ?? (single === undefined ? null : ([single, single] as [string, string]));
  if (states === null) return null;
  const scales = both('wscale');
  return {
    states,
    wscales: scales === null ? null : [Number(scales[0]), Number(scales[1])],
    flags: flagsOf(both('flags')),
  };
}

/** No flag is printed as 0. */
function flagsOf(pair: [string, string] | null): [string, string] | null {
  return pair === null ? null : [pair[0] === '0' ? '' : pair[0], pair[1] === '0' ? '' : pair[1]];
}

function parseTuple(text: string): DumpTuple | null {
  const fields = toFields(splitTopLevel(text));
  const src = fields.get('src');
  const dst = fields.get('dst');
  if (src === undefined || dst === undefined) return null;
  const numbers = ['sport', 'dport', 'id', 'type', 'code'].map((name) => {
    const value = fields.get(name);
    return value === undefined ? null : Number(value);
  });
  const [sport, dport, id, type, code] = numbers as [
    number | null,
    number | null,
    number | null,
    number | null,
    number | null,
  ];
  return {
    src,
    dst,
    ports: sport === null || dport === null ? null : [sport, dport],
    icmp: id === null || type === null || code === null ? null : { id, type, code },
  };
}

/** Text of an entry that is equal exactly when the connections are; leaves out the time left and what `omit` names. */
export function entryKey(entry: DumpEntry, omit: { readonly timeout?: boolean } = {}): string {
  const parts = [
    entry.proto,
    `orig=${tupleText(entry.orig)}`,
    `reply=${tupleText(entry.reply)}`,
    `zone=${entry.zone}`,
    `mark=${entry.mark}`,
  ];
  if (entry.labels !== null) parts.push(`labels=${entry.labels}`);
  if (entry.helper !== null) parts.push(`helper=${entry.helper}`);
  if (entry.tcp !== null) {
    const { states, wscales, flags } = entry.tcp;
    parts.push(
      `tcp=${states.join('/')} wscale=${(wscales ?? [0, 0]).join('/')} flags=${(flags ?? ['', '']).join('/')}`,
    );
  }
  if (entry.parent !== null) parts.push(`parent=${tupleText(entry.parent)}`);
  if (omit.timeout !== true && entry.timeoutS !== null) parts.push(`timeout=${entry.timeoutS}`);
  return parts.join(' ');
}

/** `10.1.1.1:1>10.1.1.2:2`, or for ICMP `10.1.1.1>10.1.1.2 id=9 type=8 code=0`. */
export function tupleText(tuple: DumpTuple): string {
  if (tuple.icmp !== null) {
    const { id, type, code } = tuple.icmp;
    return `${tuple.src}>${tuple.dst} id=${id} type=${type} code=${code}`;
  }
  const [sport, dport] = tuple.ports ?? [0, 0];
  return `[${tuple.src}]:${sport}>[${tuple.dst}]:${dport}`;
}

/** Splits at commas that are not inside parentheses. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function toFields(items: readonly string[]): Map<string, string> {
  return new Map(
    items.map((item): [string, string] => {
      const equals = item.indexOf('=');
      return equals < 0 ? [item, ''] : [item.slice(0, equals), item.slice(equals + 1)];
    }),
  );
}

function unwrap(text: string): string {
  return text.startsWith('(') && text.endsWith(')') ? text.slice(1, -1) : text;
}
