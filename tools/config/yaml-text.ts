/** YAML that people write, read within bounds: whatever a file says, it neither crashes, hangs nor fills memory. */
import type { Document, LineCounter, YAMLMap } from 'yaml';
import { printable, shortened } from '../text/escape.js';
import { yaml } from './yaml.js';

/** Longer texts are no settings. */
const MAX_CHARACTERS = 8 << 20;
/** Levels of nesting; deeper ones would only exhaust the stack. */
const MAX_DEPTH = 64;
/** Each alias is looked up among all anchors. */
const MAX_ALIASES = 1000;
/** Values of the plain data, those behind aliases counted wherever an alias stands. */
const MAX_VALUES = 2_000_000;

/** A text that is no usable YAML. The message says what is wrong, without file and place. */
export class YamlTextError extends Error {
  override name = 'YamlTextError';

  /** From 1; null where the fault has no place. */
  readonly line: number | null;
  readonly column: number | null;

  constructor(reason: string, line: number | null, column: number | null) {
    super(reason);
    this.line = line;
    this.column = column;
  }
}

/** A text that has been read. */
export interface YamlText {
  /** Plain data without cycles and without a key `__proto__`; its aliases stand for no more than fits memory. */
  readonly value: unknown;
  readonly document: Document;
  readonly lines: LineCounter;
}

/**
 * Reads one YAML document.
 * @param prepare may change scalars before they become plain data
 * @throws YamlTextError
 */
export function parseYaml(text: string, prepare?: (document: Document) => void): YamlText {
  if (text.length > MAX_CHARACTERS) {
    throw new YamlTextError(
      `it is longer than ${MAX_CHARACTERS} characters; is it the right file?`,
      null,
      null,
    );
  }
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  try {
    // The package compares every key with every other one; keys are compared here instead.
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'error',
    });
    const [syntax] = document.errors;
    if (syntax !== undefined) {
      const isTooDeep = syntax.message.includes('call stack');
      const reason =
        syntax.code === 'MULTIPLE_DOCS'
          ? "another document begins here ('---'); leave one"
          : `not valid YAML: ${syntax.message}`;
      throw errorAt(lines, syntax.pos[0], isTooDeep ? DEPTH_REASON : reason);
    }
    const aliases = checkBounds(document, lines);
    prepare?.(document);
    const value: unknown = document.toJS();
    if (aliases > 0) checkSize(value);
    return { value, document, lines };
  } catch (error) {
    if (error instanceof YamlTextError) throw error;
    // A depth at which the package runs out of stack before it can be measured.
    if (error instanceof RangeError) throw new YamlTextError(DEPTH_REASON, null, null);
    // Aliases without an anchor, tags whose value does not fit, or so many aliases that they would fill memory.
    throw new YamlTextError(`not usable YAML: ${(error as Error).message}`, null, null);
  }
}

const DEPTH_REASON = `it is nested more than ${MAX_DEPTH} levels deep`;

function errorAt(lines: LineCounter, position: number, reason: string): YamlTextError {
  const { line, col } = lines.linePos(position);
  return new YamlTextError(reason, line, col);
}

/** Looks at every node; says how many are aliases. */
function checkBounds(document: Document, lines: LineCounter): number {
  const { isMap, isNode, visit } = yaml();
  let aliases = 0;
  // In the order of the text, in which an anchor has to come before what refers to it.
  const anchors = new Set<string>();
  const fail = (node: unknown, reason: string): never => {
    const position = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    throw errorAt(lines, position, reason);
  };
  visit(document, {
    Node(_key, node, path) {
      // Pairs lie between collections in the path.
      if (path.filter(isNode).length > MAX_DEPTH) fail(node, DEPTH_REASON);
      if (isMap(node)) checkKeys(node, fail);
      if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor);
    },
    Alias(_key, node, path) {
      aliases += 1;
      if (aliases > MAX_ALIASES) fail(node, `it has more than ${MAX_ALIASES} aliases`);
      if (path.some((above) => isNode(above) && 'anchor' in above && above.anchor === node.source)) {
        fail(node, `the alias *${node.source} stands within what it stands for`);
      }
      if (!anchors.has(node.source)) {
        fail(node, `the alias *${node.source} refers to nothing: there is no &${node.source} before it`);
      }
    },
  });
  return aliases;
}

/** Counts values as who reads the data meets them: what several aliases stand for, several times. */
function checkSize(root: unknown): void {
  const open: unknown[] = [root];
  for (let count = 0; open.length > 0;) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const inner = Object.values(value);
    count += inner.length;
    if (count > MAX_VALUES) {
      throw new YamlTextError(`its aliases stand for more than ${MAX_VALUES} values`, null, null);
    }
    for (const each of inner) open.push(each);
  }
}

function checkKeys(map: YAMLMap, fail: (node: unknown, reason: string) => never): void {
  const { isScalar } = yaml();
  const seen = new Set<string>();
  for (const { key } of map.items) {
    if (!isScalar(key)) continue;
    // As plain data has them: 5 and '5' are one key.
    const name = String(key.value);
    if (name === '__proto__') fail(key, "'__proto__' cannot be a key; give it another name");
    if (seen.has(name) && name !== '<<')
      fail(
        key,
        `not valid YAML: Map keys must be unique, and '${shortened(printable(name))}' is there twice`,
      );
    seen.add(name);
  }
}
