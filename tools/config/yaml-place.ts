/** Where in the text of a YAML file a place of its tree stands. */
import type { Document, LineCounter, Pair, YAMLMap } from 'yaml';
import { ConfigError } from './config-error.js';
import { yaml } from './yaml.js';

/** A path of keys and list positions from the root. */
export type Path = readonly PropertyKey[];

/** Line of a value, or of its key. A part that is not in the file has that of what it is missing from. */
export type LineOf = (path: Path, atKey?: boolean) => number | null;

/** Makes errors that name file, line and column. */
export class YamlPlace {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;
  readonly #text: string;

  constructor(document: Document, lines: LineCounter, file: string, text: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
    this.#text = text;
  }

  /** At the value, or at the nearest one above that is in the file. */
  error(path: Path, reason: string): ConfigError {
    const position = this.#positionOf(path);
    return position === null
      ? new ConfigError(this.#file, null, null, reason)
      : this.#at(position, path, reason);
  }

  /** At a key itself instead of its value. */
  keyError(path: Path, reason: string): ConfigError {
    const position = this.#positionOfKey(path);
    return position === null ? this.error(path, reason) : this.#at(position, path, reason);
  }

  /** Line of a value, or of its key; null for the whole file, and for what is not in it. */
  lineOf(path: Path, atKey = false): number | null {
    if (path.length === 0) return null;
    const position = (atKey ? this.#positionOfKey(path) : null) ?? this.#positionOf(path, 1);
    return position === null ? null : this.#lines.linePos(position).line;
  }

  #positionOf(path: Path, shortest = 0): number | null {
    for (let length = path.length; length >= shortest; length--) {
      const node = this.#nodeAt(path.slice(0, length));
      if (yaml().isNode(node) && node.range != null) return node.range[0];
    }
    return null;
  }

  #positionOfKey(path: Path): number | null {
    const { isMap, isScalar } = yaml();
    const parent = this.#nodeAt(path.slice(0, -1));
    const pair = isMap(parent) ? pairOf(parent, path.at(-1)) : undefined;
    return pair !== undefined && isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null;
  }

  /** At a character within a text, where the file shows the text as it is; else at its beginning. */
  errorWithin(path: Path, offset: number, reason: string): ConfigError {
    const node = this.#nodeAt(path);
    if (yaml().isScalar(node) && node.range != null && typeof node.value === 'string') {
      const { value } = node;
      for (const start of [node.range[0], node.range[0] + 1]) {
        if (this.#text.startsWith(value, start)) return this.#at(start + offset, path, reason);
      }
    }
    return this.error(path, reason);
  }

  #at(position: number, path: Path, reason: string): ConfigError {
    const { line, col } = this.#lines.linePos(position);
    const where = path.length === 0 ? '' : `${formatPath(path)}: `;
    return new ConfigError(this.#file, line, col, `${where}${reason}`);
  }

  /** Keys are compared as text: the file's `5:` is a number, the path of plain data has it as '5'. */
  #nodeAt(path: Path): unknown {
    const { isAlias, isMap, isSeq } = yaml();
    let node: unknown = this.#document.contents;
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isMap(node)) node = pairOf(node, part)?.value;
      else if (isSeq(node)) node = node.items[Number(part)];
      else return undefined;
    }
    return node;
  }
}

function pairOf(map: YAMLMap, key: PropertyKey | undefined): Pair | undefined {
  return map.items.find((item) => yaml().isScalar(item.key) && String(item.key.value) === String(key));
}

/** `rules[2].nat.addr`. */
function formatPath(path: Path): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`,
    )
    .join('');
}
