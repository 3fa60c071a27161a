/** Reading the configuration file: YAML, validated, with every error at its line and column. */
import { readFileSync } from 'node:fs';
import type { Document } from 'yaml';
import { checkConfig } from './check-config.js';
import { ConfigError } from './config-error.js';
import { firstFault } from './explain-issue.js';
import { configSchema, type ConfigFile } from './schema.js';
import { yaml } from './yaml.js';
import { parseYaml, YamlTextError, type YamlText } from './yaml-text.js';
import { YamlPlace } from './yaml-place.js';

/** A configuration, checked. */
export interface TrackerConfig {
  /** Where it came from; null for the built-in one. */
  readonly file: string | null;
  /** Plain data, as in the file. */
  readonly entries: ConfigFile;
}

/** No file: everything committed in zone 0. */
export const DEFAULT_CONFIG: TrackerConfig = { file: null, entries: {} };

/**
 * Reads a configuration file.
 * @throws ConfigError
 */
export function readConfig(path: string): TrackerConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ConfigError(
      path,
      null,
      null,
      missing ? 'there is no such file. Check --config.' : `${(error as Error).message}. Check --config.`,
    );
  }
  return parseConfig(text, path);
}

/**
 * Checks the text of a configuration.
 * @param file for error messages
 * @throws ConfigError
 */
export function parseConfig(text: string, file: string): TrackerConfig {
  const { value, document, lines } = readYaml(text, file);
  if (value === null || value === undefined) {
    throw new ConfigError(file, 1, 1, 'the file is empty. Write at least one key, or leave --config out.');
  }
  const place = new YamlPlace(document, lines, file, text);
  const checked = configSchema.safeParse(value);
  if (!checked.success) {
    const { path, reason, atKey } = firstFault(checked.error, value);
    throw atKey ? place.keyError(path, reason) : place.error(path, reason);
  }
  checkConfig(checked.data, place);
  return { file, entries: checked.data };
}

function readYaml(text: string, file: string): YamlText {
  try {
    return parseYaml(text, keepLargeNumbers);
  } catch (error) {
    if (!(error instanceof YamlTextError)) throw error;
    throw new ConfigError(file, error.line, error.column, `${error.message}.`);
  }
}

/** Whole numbers too large for a double stay text, so that labels keep their 128 bits. */
function keepLargeNumbers(document: Document): void {
  const { isScalar, visit } = yaml();
  visit(document, {
    Scalar(_key, node) {
      const { value, source } = node;
      if (typeof value !== 'number' || Number.isSafeInteger(value) || !isScalar(node)) return;
      if (source !== undefined && /^(0x[0-9a-fA-F]+|\d+)$/.test(source)) node.value = source;
    },
  });
}
