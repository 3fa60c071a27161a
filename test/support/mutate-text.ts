/** Damages YAML, JSON and expressions the way that people, merges and foes do; every damage follows from the random source. */
import type { Random } from '../../tools/random/random.js';

/** What stands in such files where something else should. */
const HOSTILE = [
  ...[
    '',
    ' ',
    '\n',
    '\t',
    '\0',
    '\ufeff',
    '\ud800',
    '# ',
    '"',
    "'",
    '`',
    '\\',
    '|',
    '>',
    '?',
    ':',
    ',',
    '-',
    '- ',
    '? ',
    ': ',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '{}',
    '[]',
    '&a ',
    '*a',
    '*b',
    '<<: *a',
    '!!binary',
    '!!set',
    '!!omap',
    '!!timestamp',
    '!x',
  ],
  ...[
    'null',
    'true',
    'no',
    '~',
    '.nan',
    '.inf',
    '-.inf',
    '-0',
    '-1',
    '0',
    '1',
    '1e999',
    '1.5',
    '0o17',
    '0xff',
    '1_000',
  ],
  ...['65535', '65536', '4294967295', '4294967296', '9007199254740993', '99999999999999999999'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', 'prototype'],
  ...[
    '%YAML 1.1\n---\n',
    '\n---\n',
    '\n...\n',
    '10.0.0.0/8',
    '10.0.0.1/33',
    '::/0',
    '::ffff:1.2.3.4%eth0',
    '1.2.3.4.5',
  ],
  ...['and', 'or', 'not ', 'tcp', 'port 80', 'host', '2x baseline', '200%', '5ms', 'on ', '<', '==', '0x'],
];

/** Cyclic and exploding aliases. */
const ALIASES = [
  '&a [*a]',
  '&a {a: *a}',
  'x: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\ny: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nz: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n',
  `[${'&a 1, *a, '.repeat(300)}]`,
];

const PIECES = /[A-Za-z_][\w.-]*|\d+(?:\.\d+)?|\s+|[^\s\w]/g;

/** One to three damages to a text; `other` gives pieces. */
export function mutateText(text: string, other: string, random: Random): string {
  let damaged = text;
  for (let left = 1 + random.below(3); left > 0; left -= 1) damaged = mutateOnce(damaged, other, random);
  return damaged;
}

function mutateOnce(text: string, other: string, random: Random): string {
  const pieces = text.match(PIECES) ?? [''];
  const at = random.below(pieces.length);
  const piece = pieces[at] as string;
  switch (random.below(9)) {
    case 0:
    case 1:
      pieces[at] = hostile(random);
      break;
    case 2:
      pieces.splice(at, 1 + random.below(4));
      break;
    case 3:
      pieces.splice(at, 0, hostile(random));
      break;
    case 4:
      pieces[at] = pieces[random.below(pieces.length)] as string;
      break;
    case 5: {
      // A stretch from somewhere else, of this file or another.
      const others = other.match(PIECES) ?? [''];
      const from = random.below(others.length);
      pieces.splice(at, random.below(3), ...others.slice(from, from + 1 + random.below(12)));
      break;
    }
    case 6:
      pieces[at] = piece.repeat([2, 3, 50, 1000][random.below(4)]!);
      break;
    case 7:
      pieces.splice(at);
      break;
    default:
      pieces[at] = random.below(4) === 0 ? enormous(random) : String(Number(piece) + random.below(5) - 2);
  }
  return pieces.join('');
}

function hostile(random: Random): string {
  return random.below(12) === 0
    ? ALIASES[random.below(ALIASES.length)]!
    : HOSTILE[random.below(HOSTILE.length)]!;
}

/** Depth, length and size beyond what anybody writes. */
function enormous(random: Random): string {
  const count = random.below(10) === 0 ? 30_000 : [100, 3000][random.below(2)]!;
  const unit = ['[', '{a: ', '- ', '? ', '(', 'not ', '9', 'x', '*a, ', '&a ', '[]', '"', '!!set ', '\n '][
    random.below(14)
  ]!;
  return unit.repeat(count);
}

/** Damages the tree of a JSON text, and sometimes the text. */
export function mutateJson(text: string, other: string, random: Random): string {
  if (random.below(4) === 0) return mutateText(text, other, random);
  let root: unknown = JSON.parse(text);
  for (let left = 1 + random.below(3); left > 0; left -= 1) root = mutateTree(root, random);
  const changed = JSON.stringify(root);
  // Deeper than what could be made of values.
  return changed.replaceAll('"@deep@"', () => '['.repeat(20_000) + ']'.repeat(20_000));
}

type Holder = Record<string, unknown>;

function mutateTree(root: unknown, random: Random): unknown {
  if (typeof root !== 'object' || root === null) return value(random);
  let holder: object = root;
  for (;;) {
    const keys = Object.keys(holder);
    if (keys.length === 0) return root;
    const key = keys[random.below(keys.length)] as string;
    const below = (holder as Holder)[key];
    if (typeof below === 'object' && below !== null && random.below(8) !== 0) {
      holder = below;
      continue;
    }
    change(holder as Holder, key, random);
    return root;
  }
}

function change(holder: Holder, key: string, random: Random): void {
  const old = holder[key];
  switch (random.below(6)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      // Under another name; a list has places only.
      if (Array.isArray(holder)) holder.push(old);
      else {
        const name = NAMES[random.below(NAMES.length)] as string;
        Object.defineProperty(holder, name, {
          value: old,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      break;
    case 2:
      holder[key] = typeof old === 'number' ? old * [0, -1, 0.5, 1e300, 1e-300][random.below(5)]! : [old];
      break;
    case 3:
      if (Array.isArray(holder)) holder.push(...Array.from({ length: 1 + random.below(20) }, () => old));
      else holder[key] = null;
      break;
    default:
      holder[key] = value(random);
  }
}

const NAMES = ['__proto__', 'constructor', 'toString', '', '0', 'x'.repeat(5000), 'length', 'id'];

function value(random: Random): unknown {
  const values: unknown[] = [
    ...[null, true, false, 0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, -1e300, 5e-324],
    ...[
      '',
      '0',
      '-1',
      'x'.repeat(20_000),
      '9'.repeat(5000),
      '__proto__',
      '\ud800',
      '@deep@',
      '2026-01-01T00:00:00Z',
    ],
    ...[[], {}, [[]], [{}], [null], { constructor: 1 }, { length: 2 ** 32 }],
  ];
  return values[random.below(values.length)];
}
