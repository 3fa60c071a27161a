/** JSON from files that anybody may have changed. */

/** Levels of nesting; deeper ones would only exhaust the stack of what looks at the value. */
const MAX_DEPTH = 100;

/** A text that is no usable JSON. The message continues `FILE: `. */
export class JsonTextError extends Error {
  override name = 'JsonTextError';
}

/**
 * Parses a JSON text; a byte order mark before it is passed over.
 * @throws JsonTextError
 */
export function parseJson(text: string): unknown {
  if (depthOf(text) > MAX_DEPTH) {
    throw new JsonTextError(`is nested more than ${MAX_DEPTH} levels deep`);
  }
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    throw new JsonTextError(`is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** A value as an error shows it: short, whatever it is. */
export function shownJson(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}

/** Characters of a value in an error. */
const MAX_SHOWN = 60;

/** Most brackets that are open at once, those in strings not counted. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) deepest = Math.max(deepest, (depth += 1));
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
