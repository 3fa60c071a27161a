/**
 * Parser of filter expressions: the part of pcap-filter(7) that looks at tuples. filter.ts lists the conditions.
 *
 * As there, `and` and `or` bind equally and from the left, `not` binds more closely, and a bare value takes the
 * qualifiers of the condition before it: `tcp port 80 or 443`.
 */
import { nearestName } from '../text/nearest-name.js';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethernet.js';
import { FilterError } from './filter-error.js';
import type { Direction, FilterNode } from './filter-node.js';
import { PROTOCOL_WORDS, SERVICE_PORTS, PROTOCOL_NUMBERS, UNSUPPORTED_WORDS } from './filter-names.js';
import { nodeOf, type Kind, type Qualifiers } from './filter-values.js';
import { tokensOf, type Token } from './filter-tokens.js';

/** Deeper nesting is taken for an accident: it would only exhaust the stack. */
const MAX_DEPTH = 100;

const KINDS: readonly Kind[] = ['host', 'net', 'port', 'portrange', 'proto'];
const ETHER_TYPES: Readonly<Record<string, number>> = {
  ip: ETHERTYPE_IPV4,
  ip6: ETHERTYPE_IPV6,
  arp: ETHERTYPE_ARP,
};
const KEYWORDS = [
  ...KINDS,
  ...Object.keys(PROTOCOL_WORDS),
  ...Object.keys(ETHER_TYPES),
  'src',
  'dst',
  'vlan',
  'less',
  'greater',
  'mask',
  'and',
  'or',
  'not',
];

/**
 * Parses an expression.
 * @throws FilterError with the position of the fault
 */
export function parseFilter(expression: string): FilterNode {
  return new Parser(expression).whole();
}

class Parser {
  readonly #expression: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** Qualifiers that a bare value takes; null where the condition before has none. */
  #previous: Qualifiers | null = null;

  constructor(expression: string) {
    this.#expression = expression;
    this.#tokens = tokensOf(expression);
  }

  whole(): FilterNode {
    if (this.#token.type === 'end') {
      throw this.#error(this.#token, "it is empty; write a condition such as 'tcp and port 21'");
    }
    const node = this.#sequence(() => this.#operand());
    const rest: Token = this.#token;
    if (rest.type === ')') throw this.#error(rest, "this ')' closes nothing");
    if (rest.type !== 'end') {
      throw this.#error(rest, `${quote(rest)} has no 'and' or 'or' before it${this.#hint()}`);
    }
    return node;
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token;
  }

  get #next(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)] as Token;
  }

  #take(): Token {
    const token = this.#token;
    if (token.type !== 'end') this.#at += 1;
    return token;
  }

  #error(token: Token, reason: string): FilterError {
    return new FilterError(this.#expression, token.offset, reason);
  }

  /** Operands joined by `and` and `or`, from the left. */
  #sequence(operand: () => FilterNode): FilterNode {
    let left = operand();
    for (;;) {
      const { type } = this.#token;
      if (type !== 'and' && type !== 'or') return left;
      this.#take();
      left = { type, left, right: operand() };
    }
  }

  /** A condition, negated or not, or a group. */
  #operand(): FilterNode {
    return this.#nested((token) => {
      if (token.type === 'not') {
        this.#take();
        return { type: 'not', operand: this.#operand() };
      }
      if (token.type === '(') return this.#group(() => this.#operand());
      if (token.type === 'word') return this.#condition();
      throw this.#error(token, `${quote(token)} stands where a condition is expected, such as 'port 21'`);
    });
  }

  #nested(parse: (token: Token) => FilterNode): FilterNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw this.#error(this.#token, `it is nested more than ${MAX_DEPTH} levels deep; simplify it`);
    }
    const node = parse(this.#token);
    this.#depth -= 1;
    return node;
  }

  #group(operand: () => FilterNode): FilterNode {
    const open = this.#take();
    const node = this.#sequence(operand);
    const close = this.#token;
    if (close.type !== ')') {
      if (close.type === 'end') throw this.#error(open, "this '(' is not closed");
      throw this.#error(close, `${quote(close)} has no 'and' or 'or' before it`);
    }
    this.#take();
    return node;
  }

  #condition(): FilterNode {
    const token = this.#token;
    const { text } = token;
    if (text === 'vlan') return this.#vlan();
    if (text === 'less' || text === 'greater') return this.#length(text);
    const protocol = Object.hasOwn(PROTOCOL_WORDS, text) ? PROTOCOL_WORDS[text] : undefined;
    const etherType = Object.hasOwn(ETHER_TYPES, text) ? ETHER_TYPES[text] : undefined;
    if (protocol !== undefined || etherType !== undefined) {
      this.#take();
      if (this.#startsQualifier()) return this.#qualified(text);
      this.#previous = null;
      if (protocol !== undefined) return { type: 'protocol', ...protocol };
      return { type: 'etherType', etherType: etherType as number };
    }
    if (this.#startsQualifier()) return this.#qualified(null);
    if (this.#previous !== null && this.#isValue(token)) return this.#value(this.#previous);
    throw this.#error(token, this.#unknown(token));
  }

  #startsQualifier(): boolean {
    const { type, text } = this.#token;
    return (
      type === 'word' && (text === 'src' || text === 'dst' || (KINDS as readonly string[]).includes(text))
    );
  }

  /** `[src|dst] [host|net|port|portrange|proto] VALUE`, behind a protocol or none. */
  #qualified(protocol: string | null): FilterNode {
    const direction = this.#direction();
    const kind = KINDS.find((each) => this.#token.type === 'word' && each === this.#token.text) ?? null;
    if (kind !== null) this.#take();
    const qualifiers: Qualifiers = { protocol, direction, kind };
    this.#previous = qualifiers;
    return this.#values(qualifiers);
  }

  #direction(): Direction {
    const first = this.#token;
    if (first.text !== 'src' && first.text !== 'dst') return 'either';
    this.#take();
    const joint = this.#token.type;
    const other = this.#next.text;
    const isPair = other === 'src' || other === 'dst';
    if ((joint === 'or' || joint === 'and') && isPair && other !== first.text) {
      this.#take();
      this.#take();
      return joint === 'or' ? 'either' : 'both';
    }
    return first.text;
  }

  /** A value, or several in parentheses: `port (80 or 443)`. */
  #values(qualifiers: Qualifiers): FilterNode {
    return this.#nested((token) => {
      if (token.type === 'not') {
        this.#take();
        return { type: 'not', operand: this.#values(qualifiers) };
      }
      if (token.type === '(') return this.#group(() => this.#values(qualifiers));
      return this.#value(qualifiers);
    });
  }

  #value(qualifiers: Qualifiers): FilterNode {
    const token = this.#token;
    if (token.type !== 'word') {
      const what = qualifiers.kind ?? 'address';
      throw this.#error(token, `${quote(token)} stands where a value for '${what}' is expected`);
    }
    this.#take();
    let mask: Token | null = null;
    if (qualifiers.kind === 'net' && this.#token.text === 'mask') {
      this.#take();
      mask = this.#take();
    }
    try {
      return nodeOf(qualifiers, token.text, mask?.text ?? null);
    } catch (error) {
      if (error instanceof RangeError) throw this.#error(token, error.message);
      throw error;
    }
  }

  #vlan(): FilterNode {
    this.#take();
    this.#previous = null;
    const token = this.#token;
    if (token.type !== 'word' || !/^\d/.test(token.text)) return { type: 'vlan', id: null };
    this.#take();
    const id = wholeNumber(token.text);
    if (id === null || id > 4095) throw this.#error(token, `'${token.text}' is no VLAN id from 0 to 4095`);
    return { type: 'vlan', id };
  }

  #length(relation: 'less' | 'greater'): FilterNode {
    this.#take();
    this.#previous = null;
    const token = this.#take();
    const bytes = token.type === 'word' ? wholeNumber(token.text) : null;
    if (bytes === null) throw this.#error(token, `${quote(token)} is no length in bytes for '${relation}'`);
    return { type: 'length', relation, bytes };
  }

  #isValue(token: Token): boolean {
    return (
      /^[0-9]|:/.test(token.text) ||
      Object.hasOwn(SERVICE_PORTS, token.text) ||
      Object.hasOwn(PROTOCOL_NUMBERS, token.text)
    );
  }

  #unknown(token: Token): string {
    const { text } = token;
    if (UNSUPPORTED_WORDS.has(text)) {
      return `'${text}' of pcap-filter is not supported: filters look at addresses, ports, protocols and VLAN ids`;
    }
    if (/^\d+$/.test(text)) return `'${text}' does not say what it is; write port ${text} or proto ${text}`;
    if (/^[0-9a-f.:]+(\/\d+)?$/.test(text) && /[.:]/.test(text)) {
      return `'${text}' does not say what it is; write ${text.includes('/') ? 'net' : 'host'} ${text}`;
    }
    const near = nearestName(text, KEYWORDS);
    return `'${text}' is no word of the filter language; ${near === null ? `the words are ${KEYWORDS.join(', ')}` : `did you mean '${near}'?`}`;
  }

  /** What may be meant by a word that follows a complete condition. */
  #hint(): string {
    const { type, text } = this.#token;
    if (type !== 'word') return '';
    const near = KEYWORDS.includes(text) ? null : nearestName(text, ['and', 'or', 'not']);
    return near === null ? '' : `; did you mean '${near}'?`;
  }
}

function quote(token: Token): string {
  return token.type === 'end' ? 'the end' : `'${token.text}'`;
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
