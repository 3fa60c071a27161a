/** What zod found, in sentences that say what is wrong and what would be right. */
import type { z } from 'zod';
import { shortened } from '../text/escape.js';
import { nearestName } from '../text/nearest-name.js';
import type { Path } from './yaml-place.js';

/** A fault: where, and what. */
export interface Explained {
  readonly path: Path;
  readonly reason: string;
  /** Whether the key at the path is at fault, not its value. */
  readonly atKey: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list of two',
  object: 'keys with values',
  record: 'keys with values',
};

/** The first fault that a schema found in a file; of alternatives that all fail, what the meant one lacks. */
export function firstFault(error: z.ZodError, root: unknown): Explained {
  // A key that is misspelt tells more than that the one which was meant is missing.
  const issue = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0];
  if (issue === undefined) return { path: [], reason: 'it is not of the right form.', atKey: false };
  return explainIssue(issue, root);
}

/** Explains an issue; of alternatives that all fail, the one that got furthest. */
function explainIssue(issue: z.core.$ZodIssue, root: unknown): Explained {
  const { path } = issue;
  const value = valueAt(root, path);
  const at = (reason: string): Explained => ({
    path,
    reason: reason.endsWith('?') ? reason : `${reason}.`,
    atKey: false,
  });
  switch (issue.code) {
    case 'unrecognized_keys':
      return { path: [...path, issue.keys[0] ?? ''], reason: issue.message, atKey: true };
    case 'invalid_union':
      return explainUnion(issue, root, value);
    case 'invalid_type': {
      const wanted = TYPES[issue.expected] ?? issue.expected;
      return at(value === undefined ? `it is missing; give ${wanted}` : `${show(value)} is not ${wanted}`);
    }
    case 'invalid_value': {
      const words = issue.values.map(String);
      const near = typeof value === 'string' ? nearestName(value, words) : null;
      const hint = near === null ? '' : `; did you mean ${near}?`;
      return at(`${show(value)} is none of ${words.join(', ')}${hint}`);
    }
    case 'too_big':
      return at(
        issue.origin === 'array'
          ? `the list is longer than ${issue.maximum}`
          : `${show(value)} is ${issue.inclusive === false ? 'not below' : 'above'} ${issue.maximum}`,
      );
    case 'too_small':
      if (issue.origin === 'array' || issue.origin === 'string') return at('it is empty');
      return at(`${show(value)} is ${issue.inclusive === false ? 'not above' : 'below'} ${issue.minimum}`);
    case 'invalid_key': {
      const [first] = issue.issues;
      return {
        path,
        reason: `${show(String(path.at(-1)))} ${first?.message ?? issue.message}.`,
        atKey: true,
      };
    }
    case 'invalid_format':
      return at(`${show(value)} ${issue.message}`);
    default:
      return at(issue.message);
  }
}

function explainUnion(
  issue: z.core.$ZodIssue & { code: 'invalid_union' },
  root: unknown,
  value: unknown,
): Explained {
  const { path } = issue;
  if (issue.errors.length === 0) {
    const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    const what = value === undefined ? 'it is missing; give one' : `${show(value)} is none`;
    return { path, reason: `${what} of ${options.join(', ')}.`, atKey: false };
  }
  const branches = issue.errors.map((errors) =>
    errors.map((each) => ({ ...each, path: [...path, ...each.path] }) as z.core.$ZodIssue),
  );
  // A branch whose own type fits is the one that was meant; its unknown keys tell more than what it lacks.
  const meant = branches.filter((errors) => !errors.some((error) => isOfOtherType(error, path, value)));
  const chosen = meant.toSorted((a, b) => a.length - b.length)[0];
  if (chosen !== undefined) {
    const best = chosen.find((error) => error.code === 'unrecognized_keys') ?? chosen[0];
    if (best !== undefined) return explainIssue(best, root);
  }
  const wanted = branches.flatMap(([first]) =>
    first?.code === 'invalid_type' ? [TYPES[first.expected] ?? first.expected] : [],
  );
  return { path, reason: `${show(value)} is not ${[...new Set(wanted)].join(' or ')}.`, atKey: false };
}

/** Whether an alternative failed because it is for another type of value altogether. */
function isOfOtherType(error: z.core.$ZodIssue, path: Path, value: unknown): boolean {
  if (error.path.length !== path.length) return false;
  return error.code === 'invalid_type' || (error.code === 'invalid_value' && typeof value === 'object');
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a set of keys';
  return typeof value === 'string' ? `'${shortened(value)}'` : String(value);
}
