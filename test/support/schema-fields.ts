/** Every field of result.json with its type, unit and meaning, from the schema; published as docs/schema/result-fields.md. */
import { resultJsonSchema } from '../../tools/result/schema.js';

interface Node {
  $ref?: string;
  $defs?: Record<string, Node>;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Node[];
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  additionalProperties?: Node | boolean;
  description?: string;
  format?: string;
}

interface Row {
  path: string;
  type: string;
  unit: string;
  text: string;
  optional: boolean;
}

/** Units by the end of a name, longest first. */
const UNITS: readonly [RegExp, string][] = [
  [/(?:^|[a-z0-9])Ns$/, 'nanoseconds'],
  [/(?:^|[a-z0-9])Ms$/, 'milliseconds'],
  [/(?:Bytes|^bytes)$/, 'bytes'],
  [/Pps$|^pps$/, 'packets per second'],
  [/Mbps$/, 'megabits per second'],
  [/PerSecond$/, 'per second'],
  [/Share$|^occupancy$/, 'share, 0 to 1'],
];

const PLAIN_TYPES: Readonly<Record<string, string>> = { integer: 'whole number', string: 'text' };

function unitOf(name: string): string {
  return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? '';
}

/** The Markdown text: the top level, then each part that has a name of its own. */
export function resultFieldsMarkdown(): string {
  const schema = resultJsonSchema() as Node;
  const parts = [
    '# Fields of result.json',
    'Generated from the code; the JSON Schema beside this file says the same to programs. A field marked ○ may be absent or `null`: it was not measured, which is not 0. Names of parts in the type column are the headings below.',
    '## result',
    tableOf(schema),
  ];
  const definitions = Object.entries(schema.$defs ?? {}).filter(([, node]) => node.properties !== undefined);
  for (const [name, node] of definitions.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(`## ${name}`, tableOf(node));
  }
  return `${parts.join('\n\n')}\n`;
}

function tableOf(node: Node): string {
  const rows = rowsOf(node, '');
  return [
    '| field | | type | unit | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ path, optional, type, unit, text }) =>
        `| \`${path}\` | ${optional ? '○' : ''} | ${type} | ${unit} | ${text.replaceAll('|', String.raw`\|`)} |`,
    ),
  ].join('\n');
}

function rowsOf(node: Node, prefix: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    const optional = !(node.required ?? []).includes(name);
    const inner = withoutNull(field);
    const path = `${prefix}${name}`;
    const text = field.description ?? inner.description ?? '';
    const row: Row = { path, type: typeOf(inner), unit: unitOf(name), text, optional };
    const nested = inner.properties === undefined ? inner.items : inner;
    if (nested?.properties === undefined) return [row];
    return [row, ...rowsOf(nested, `${path}${inner.items === undefined ? '' : '[]'}.`)];
  });
}

/** `nullish` fields are unions with null. */
function withoutNull(node: Node): Node {
  const others = (node.anyOf ?? []).filter((option) => option.type !== 'null');
  return others.length === 1 ? (others[0] as Node) : node;
}

function typeOf(node: Node): string {
  if (node.$ref !== undefined) {
    const name = node.$ref.split('/').at(-1) ?? '';
    return name.startsWith('__schema') ? 'JSON' : `[${name}](#${name.toLowerCase()})`;
  }
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((word) => `\`${String(word)}\``).join(', ');
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeOf))].join(' or ');
  if (node.type === 'array') return `list of ${node.items === undefined ? 'JSON' : typeOf(node.items)}`;
  if (node.type === 'object' && typeof node.additionalProperties === 'object') {
    return `map of text to ${typeOf(node.additionalProperties)}`;
  }
  if (node.format === 'date-time') return 'time, UTC, ISO 8601';
  const types = [node.type ?? 'JSON'].flat().filter((type) => type !== 'null');
  return types.map((type) => PLAIN_TYPES[type] ?? type).join(' or ');
}
