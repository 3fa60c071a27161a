/** The words of a filter expression. */
import { FilterError } from './filter-error.js';

/** A word, a parenthesis or the end. */
export interface Token {
  readonly type: 'word' | '(' | ')' | 'not' | 'and' | 'or' | 'end';
  /** As written, in lower case; a leading backslash (pcap-filter's escape of a keyword) is gone. */
  readonly text: string;
  /** Characters before it. */
  readonly offset: number;
}

const OPERATORS: Readonly<Record<string, Token['type']>> = {
  and: 'and',
  '&&': 'and',
  or: 'or',
  '||': 'or',
  not: 'not',
  '!': 'not',
  '(': '(',
  ')': ')',
};

/** Spaces; an operator of signs; or a word: letters, digits and what names and addresses hold. */
const PIECE = /(\s+)|(&&|\|\||[!()])|(\\?[\w.:/-]+)/y;

/**
 * Splits an expression.
 * @throws FilterError for a character that no word holds
 */
export function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < expression.length) {
    PIECE.lastIndex = offset;
    const match = PIECE.exec(expression);
    if (match === null) throw unexpected(expression, offset);
    const [piece, space, sign, word] = match;
    if (sign !== undefined) {
      tokens.push({ type: OPERATORS[sign] as Token['type'], text: sign, offset });
    } else if (space === undefined && word !== undefined) {
      const lower = word.toLowerCase();
      const type = Object.hasOwn(OPERATORS, lower) ? OPERATORS[lower] : undefined;
      tokens.push({ type: type ?? 'word', text: lower.replace(/^\\/, ''), offset });
    }
    offset += piece.length;
  }
  tokens.push({ type: 'end', text: '', offset: expression.length });
  return tokens;
}

function unexpected(expression: string, offset: number): FilterError {
  const character = String.fromCodePoint(expression.codePointAt(offset) as number);
  const isByteAccess = '[]&|=<>+*^%'.includes(character);
  return new FilterError(
    expression,
    offset,
    isByteAccess
      ? `'${character}' does not belong here; expressions on packet bytes such as tcp[13] & 2 != 0 are not supported, filters look at tuples`
      : `'${character}' does not belong in a filter`,
  );
}
