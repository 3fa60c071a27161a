/** How wide output may be. */

/** Width where nothing says what it is: a pipe or a file, which is mostly read on a screen later. */
const WIDTH_OF_A_PIPE = 120;
/** Narrower than this is taken for a mistake. */
const NARROWEST = 20;

/**
 * Columns of what is written to a stream: COLUMNS where it is set, so that a pipe can be given a width, else the terminal's own.
 * @param env environment
 * @param columns of the terminal; undefined where there is none
 */
export function terminalWidth(
  env: Readonly<Record<string, string | undefined>>,
  columns: number | undefined,
  elsewhere = WIDTH_OF_A_PIPE,
): number {
  const given = Number(env['COLUMNS']);
  if (Number.isInteger(given) && given >= NARROWEST) return given;
  return columns !== undefined && columns > 0 ? columns : elsewhere;
}
