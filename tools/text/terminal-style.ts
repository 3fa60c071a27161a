/** Colours on the terminal: when to use them, and how. */
import { inspect } from 'node:util';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Wraps text in a colour, or returns it as it is where colours are off. */
export type Paint = (colour: Colour, text: string) => string;

/**
 * Whether to colour: `--color`/`--no-color` decides, then NO_COLOR (https://no-color.org: any value but the empty
 * one), FORCE_COLOR, TERM=dumb, and last whether the output is a terminal.
 * @param flag true or false from the command line, undefined when neither flag was given.
 */
export function wantsColour(
  flag: boolean | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  if (flag !== undefined) return flag;
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  if (env['TERM'] === 'dumb') return false;
  return isTerminal;
}

/** A painter; with `enabled` false it adds nothing. */
export function painter(enabled: boolean): Paint {
  if (!enabled) return (_colour, text) => text;
  return (colour, text) => {
    const codes = inspect.colors[colour];
    return codes === undefined || text === '' ? text : `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m`;
  };
}
