/** Reading a bench.yaml. */
import { readFile } from 'node:fs/promises';
import { parseYaml, YamlTextError, type YamlText } from '../config/yaml-text.js';
import { YamlPlace, type LineOf } from '../config/yaml-place.js';
import { MatrixError } from './matrix-spec.js';

/** The content of a bench.yaml, unchecked, with the lines of its parts for messages. */
export interface MatrixFile {
  readonly file: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly lineOf: LineOf;
}

/**
 * Parses the text of a bench.yaml.
 * @throws MatrixError naming file and line when it is no YAML mapping
 */
export function parseMatrixFile(text: string, file: string): MatrixFile {
  const { value: content, document, lines } = readYaml(text, file);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new MatrixError(`${file}: holds no settings; give at least inputs and designs`);
  }
  const place = new YamlPlace(document, lines, file, text);
  return {
    file,
    content: content as Record<string, unknown>,
    lineOf: (path, atKey) => place.lineOf(path, atKey),
  };
}

function readYaml(text: string, file: string): YamlText {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlTextError)) throw error;
    throw new MatrixError(`${file}${error.line === null ? '' : `:${error.line}`}: ${error.message}`);
  }
}

/** @throws MatrixError when the file cannot be read or is no YAML mapping */
export async function readMatrixFile(file: string): Promise<MatrixFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MatrixError(
      `${file}: ${code === 'ENOENT' ? 'there is no such file; docs/bench.md shows one' : message}`,
    );
  }
  return parseMatrixFile(text, file);
}
