/** What oxlint and prettier are asked for, shown to be asked for: each with a fault in a scratch folder, and the engine's own code. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemblyFiles, formatAssembly, maskDecorators } from '../../engine/format-assembly.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'ctreplay-lint-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What to do instead, by rule. */
const INSTEAD: Readonly<Record<string, string>> = {
  'max-lines-per-function': 'Split it by meaning into functions that each have a name of their own',
  'max-params': 'Take an object with named fields',
  'parameter-properties': 'Declare the field, with # where it is private, and set it in the constructor',
};

interface Diagnostic {
  readonly code?: string;
  readonly message: string;
  readonly filename: string;
  readonly labels?: readonly { readonly span: { readonly line: number } }[];
}

/** Complaints of oxlint about files of a folder under a configuration, each with what to do instead. */
function lint(folder: string, config: string): string[] {
  copyFileSync(join(ROOT, config), join(folder, '.oxlintrc.json'));
  let output: string;
  try {
    output = execFileSync(join(ROOT, 'node_modules', '.bin', 'oxlint'), ['--format', 'json', '.'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    output = (error as { stdout: string }).stdout;
  }
  const { diagnostics } = JSON.parse(output) as { diagnostics: readonly Diagnostic[] };
  return diagnostics.map(({ code = '', message, filename, labels }) => {
    const rule = Object.keys(INSTEAD).find((name) => code.includes(`(${name})`));
    return `${filename}:${labels?.[0]?.span.line ?? 0}: ${message} ${rule === undefined ? code : INSTEAD[rule]}`;
  });
}

function folderWith(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(scratch, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

const LONG = `export function long(): number {\n  let sum = 0;\n${'  sum += 1;\n'.repeat(70)}  return sum;\n}\n`;

describe('the lint of the tools', () => {
  it.each([
    ['max-lines-per-function', LONG],
    [
      'max-params',
      'export const f = (a: 1, b: 2, c: 3, d: 4, e: 5, g: 6): number => a + b + c + d + e + g;\n',
    ],
    ['parameter-properties', 'export class A {\n  constructor(private readonly b: number) {}\n}\n'],
  ])('finds a planted fault: %s', (rule, text) => {
    const folder = folderWith(rule, { 'tools/planted.ts': text });
    expect(lint(folder, '.oxlintrc.json').join('\n')).toContain(INSTEAD[rule]);
  });

  it('private members are written with #', () => {
    const found = membersKeptPrivateByTypes();
    expect(found).toEqual([]);
  });
});

/** Members that TypeScript alone keeps private. A constructor cannot be written with #. */
function membersKeptPrivateByTypes(): string[] {
  const files = execFileSync('git', ['ls-files', 'tools', 'engine/host', 'test'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return files
    .split('\n')
    .filter((file) => file.endsWith('.ts') && !file.startsWith('test/tidy/'))
    .flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^ +private (?!constructor\b)\S+/gm)].map(
        (match) => `${file}: ${match[0].trim()}. Write # before the name`,
      ),
    );
}

describe('the engine', () => {
  const files = assemblyFiles();

  // That its own files are, npm run lint says.
  it('a badly formatted text is found', async () => {
    const text = '// @ts-ignore: decorator\n@inline\nexport function a( ):u32{return 1}\n';
    expect(await formatAssembly(text)).toBe(
      '// @ts-ignore: decorator\n@inline\nexport function a(): u32 {\n  return 1;\n}\n',
    );
  });

  it('has no function above 70 lines and nothing that is plainly wrong', () => {
    const masked = Object.fromEntries(
      files.map((file) => [file, maskDecorators(readFileSync(join(ROOT, file), 'utf8'))]),
    );
    expect(lint(folderWith('engine', masked), 'engine/oxlint-assembly.json')).toEqual([]);
  });

  it('a planted fault is found', () => {
    const folder = folderWith('engine-fault', {
      'engine/assembly/planted.ts': maskDecorators(LONG.replace('number', 'u32')),
    });
    expect(lint(folder, 'engine/oxlint-assembly.json').join('\n')).toContain(
      INSTEAD['max-lines-per-function'],
    );
  });
});
