/** Values of command-line options: text to number, with a message that says what is wrong and what would be right. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { presetNumber, resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { EngineError } from '../../engine/host/engine-error.js';
import { compiledDesigns } from '../../engine/host/design-traits.js';
import { loadEngine } from '../../engine/host/module.js';
import {
  DEFAULT_MUTEX,
  DEFAULT_TOUCH_AHEAD,
  MUTEX_POLICIES,
  TOUCH_AHEAD_SETTINGS,
} from '../../engine/host/run-memory.js';
import { parseNumber } from '../text/quantities.js';
import { notice } from './notices.js';
import { UsageError } from './usage-error.js';

/** Parser of a whole number in a range; `k`, `M`, `G` suffixes are taken. */
export function wholeNumber(least: number, most: number, unit: string): (text: string) => number {
  return (text) => {
    const value = parseNumber(text);
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      `Give a whole number of ${unit} from ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')}.`,
    );
  };
}

/** Parser of a number above 0, with `k`, `M`, `G` suffixes. */
export function positiveNumber(unit: string, most = 1e12): (text: string) => number {
  return (text) => {
    const value = parseNumber(text);
    if (Number.isFinite(value) && value > 0 && value <= most) return value;
    throw new InvalidArgumentError(`Give a number of ${unit} above 0 and at most ${most}.`);
  };
}

const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

/**
 * Parser of a length of time to milliseconds: `250ms`, `10s`, `5m`, `1h`. A bare number counts in `bareUnit`, as it did before units
 * could be written, and brings a hint.
 * @param leastMs shortest that makes sense; absent = anything above 0
 */
export function duration(bareUnit: 'ms' | 's', leastMs = 0): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h)?$/.exec(text.trim());
    const value = match === null ? 0 : Number(match[1]) * (TIME_UNITS[match[2] ?? bareUnit] as number);
    if (!(value > 0 && value >= leastMs && Number.isFinite(value))) {
      throw new InvalidArgumentError(
        `Give a time ${leastMs === 0 ? 'above 0' : `of at least ${leastMs}ms`}, for example 500ms, 10s or 5m; a bare number counts in ${bareUnit}.`,
      );
    }
    if (match?.[2] === undefined)
      hint(`a time of ${text.trim()} counts in ${bareUnit}; write ${text.trim()}${bareUnit}`);
    return value;
  };
}

/** Parser of packets a second: `100k`, `100kpps`, `1.5Mpps`. */
export function packetRate(text: string): number {
  return positiveNumber('packets/s, for example 100k or 100kpps,', 1e9)(text.trim().replace(/\s*pps$/i, ''));
}

const BIT_UNITS: Readonly<Record<string, number>> = { bps: 1e-6, kbps: 1e-3, mbps: 1, gbps: 1e3 };

/** Parser of a bit rate to Mbit/s: `100mbps`, `1gbps`; a bare number counts in Mbit/s. */
export function bitRate(text: string): number {
  const match = /^(.*?)\s*([kmg]?bps)?$/i.exec(text.trim());
  const value = positiveNumber('Mbit/s, for example 100mbps or 1gbps,', 1e9)(match?.[1] ?? '');
  const rate = value * (BIT_UNITS[(match?.[2] ?? 'mbps').toLowerCase()] as number);
  if (rate <= 1e6) return rate;
  throw new InvalidArgumentError('Give a bit rate of at most 1000gbps.');
}

const SIZE_UNITS: Readonly<Record<string, number>> = { MiB: 1, GiB: 1024 };

/** Parser of a size of memory to MiB: `128MiB`, `1GiB`; a bare number counts in MiB. */
export function memorySize(least: number, most: number): (text: string) => number {
  return (text) => {
    const match = /^(\d+)\s*(MiB|GiB)?$/.exec(text.trim());
    const value = match === null ? 0 : Number(match[1]) * (SIZE_UNITS[match[2] ?? 'MiB'] as number);
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a size from ${least}MiB to ${most}MiB, for example 128MiB or 1GiB.`);
  };
}

const hinted = new Set<string>();

/** Tells on standard error, once, how something is written now: people, not programs. */
export function hint(text: string): void {
  const isForPrograms = process.argv.some((word) => ['--json', '--quiet', '--stream'].includes(word));
  if (isForPrograms || hinted.has(text)) return;
  hinted.add(text);
  notice(`hint: ${text}`);
}

/**
 * Another spelling of an option: it sets `attribute` as that option would.
 * @param flags as commander takes them, `--scenario <names>`
 * @param now what to write instead, for a hint; null for a spelling that is as good
 * @param description for the help of one that is
 */
export function addSpelling(
  command: Command,
  flags: string,
  attribute: string,
  now: string | null,
  description = '',
): void {
  const option = new Option(flags, description);
  if (now !== null) option.hideHelp();
  command.addOption(option);
  const meant = command.options.find((each) => each.attributeName() === attribute);
  command.on(`option:${option.name()}`, (text: string | null) => {
    if (now !== null) hint(`${option.long} is called ${now} now`);
    const parse = meant?.parseArg as ((value: string, before: unknown) => unknown) | undefined;
    const value = text === null ? true : parse === undefined ? text : parse(text, undefined);
    command.setOptionValueWithSource(attribute, value, 'cli');
  });
}

/** A parser whose errors become those of the option. */
export function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}

/** A parser that knows the words it takes, for completion. */
export interface WordParser<T> {
  (text: string): T;
  readonly choices: readonly string[];
}

/** Parser of one word out of several. */
export function oneOf<T extends string>(choices: readonly T[]): WordParser<T> {
  const parse = (text: string): T => {
    if ((choices as readonly string[]).includes(text)) return text as T;
    throw new InvalidArgumentError(`Give one of ${choices.join(', ')}.`);
  };
  return Object.assign(parse, { choices });
}

/**
 * The designs that a `--design` option names, or what is written like one.
 * @param asked where they were named, for the message
 * @throws UsageError naming those that exist
 */
export function designsOption(text: string, asked = `--design is '${text}'`): DesignChoice[] {
  const named = <T>(attempt: () => T): T => {
    try {
      return attempt();
    } catch (error) {
      if (error instanceof EngineError && compiledDesigns().length > 0) {
        throw new UsageError(`${asked}: ${error.message}`);
      }
      throw error;
    }
  };
  const choices = named(() => resolveDesigns(text));
  for (const choice of choices) {
    // That an engine does not load is no fault of the option.
    const { presets } = loadEngine(choice.design, 'bare');
    named(() => presetNumber(choice, presets));
  }
  return choices;
}

/**
 * `--mutex`, of every command that runs threads.
 * @param elsewhere where the default comes from when it is not the engine's, in words; the option then has none of its own
 */
export function mutexOption(elsewhere: string | null = null): Option {
  const what =
    "how waiters of a lock spin: glibc (as the original's locks), or backoff (long pauses, next to no sleep)";
  const option = new Option('--mutex <policy>', elsewhere === null ? what : `${what}; ${elsewhere}`);
  option.argParser(oneOf(MUTEX_POLICIES));
  return elsewhere === null ? option.default(DEFAULT_MUTEX) : option;
}

/**
 * `--touch-ahead`, of every command that runs packets.
 * @param elsewhere where the default comes from when it is not the engine's, in words; the option then has none of its own
 */
export function touchAheadOption(elsewhere: string | null = null): Option {
  const what =
    'load what the packets of a batch will need before the first is run: auto (while the table is large), on, or off (as the ' +
    'original, for comparisons with it); no verdict depends on it';
  const option = new Option('--touch-ahead <when>', elsewhere === null ? what : `${what}; ${elsewhere}`);
  option.argParser(oneOf(TOUCH_AHEAD_SETTINGS));
  return elsewhere === null ? option.default(DEFAULT_TOUCH_AHEAD) : option;
}
