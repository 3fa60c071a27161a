/**
 * How the program ends. What it printed has been written when it does, or an error says why not; it never ends in silence.
 *
 * A pipe takes what fits, and the rest is written as its reader goes on: an exit before that cuts it off. So the last thing is to wait
 * for standard output. Whatever else ends the program, an exit somewhere inside, a signal, nothing left to wait for, a reader
 * that is gone, is reported on standard error, written at once, and in the exit code.
 */
import { writeSync } from 'node:fs';
import { removeUnfinished } from '../captures/unfinished-files.js';

const EXIT_ERROR = 1;
/** Signals that ask a program to end. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
/** With --json these print a line for each thing they find, perhaps none; a reader may take the first few. */
const PRINT_LINES: ReadonlySet<string> = new Set(['trace']);

type Signal = keyof typeof SIGNALS;

/** Set when the end has been explained, or was what it should be. */
let settled = false;
let printed = false;
let outputEnds = false;
/** Works in progress that have to come to their end, and what is to happen then. */
let kept = 0;
let endWhenDone: (() => void) | null = null;
const watched = new Map<Signal, () => void>();

/** Writes to standard error and returns when it is written, also while the program ends. */
function say(message: string): void {
  const bytes = Buffer.from(`${message}\n`);
  let at = 0;
  // A reader that takes nothing for a second is not waited for.
  for (let tries = 0; at < bytes.length && tries < 100;) {
    try {
      at += writeSync(2, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** Ends the program now, with what was printed so far or without it, and says why. */
export function endNow(message: string, code: number): never {
  settled = true;
  say(message);
  process.exit(code);
}

/**
 * Lets work come to its end though the reader of standard output goes meanwhile: what was measured is written to its files all the same.
 * The program ends as it would have when the work is done.
 */
export async function beforeTheEnd<T>(work: () => Promise<T>): Promise<T> {
  kept++;
  try {
    return await work();
  } finally {
    kept--;
    if (kept === 0 && endWhenDone !== null) setImmediate(endWhenDone);
  }
}

/**
 * Watches over the end of the program; call it first.
 * @param argv arguments of the call
 */
export function watchEnd(argv: readonly string[]): void {
  watchOutput(argv);
  for (const signal of Object.keys(SIGNALS) as Signal[]) watchSignal(signal);
  // Node prints the error itself.
  process.on('uncaughtExceptionMonitor', () => {
    settled = true;
  });
  process.on('beforeExit', () => endUnfinished('nothing was left to wait for'));
  process.on('exit', (code) => {
    removeUnfinished();
    if (!settled) endUnfinished(`something in it called for the end, with exit code ${code}`, code);
  });
}

/** Says that the program ends though its command has not come to its end. */
function endUnfinished(why: string, code: string | number = EXIT_ERROR): void {
  settled = true;
  say(
    `ctreplay: it ended before it was done: ${why}. This is a fault of ctreplay; what it printed is not complete.`,
  );
  process.exit(code === 0 ? EXIT_ERROR : code);
}

/** Counts what goes to standard output, and ends the program when it does not get there. */
function watchOutput(argv: readonly string[]): void {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout) as (...args: unknown[]) => boolean;
  stdout.write = (...args: unknown[]): boolean => {
    printed ||= args[0] !== '';
    return write(...args);
  };
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (outputEnds) return;
    outputEnds = true;
    const end = (): void => {
      if (error.code === 'EPIPE') endWithoutReader(argv);
      else endNow(`ctreplay: standard output: ${error.message}. The output is not complete.`, EXIT_ERROR);
    };
    // Later, when the command has set its exit code: it may have an error of its own to tell, or files to write.
    if (kept > 0) endWhenDone = end;
    else setImmediate(end);
  });
  // Nobody is left to tell.
  stderr.on('error', () => {});
}

/** A reader that takes the first lines and goes (head, less) is no error; one that was to have the whole of a result is. */
function endWithoutReader(argv: readonly string[]): never {
  if (printsOneDocument(argv)) {
    endNow(
      'ctreplay: standard output was closed by its reader before the result was written: it is not complete. ' +
        'Let the reader read to the end, or write files with --out where the command has it.',
      EXIT_ERROR,
    );
  }
  settled = true;
  process.exit(process.exitCode ?? 0);
}

function printsOneDocument(argv: readonly string[]): boolean {
  return argv.includes('--json') && !PRINT_LINES.has(argv[0] ?? '');
}

function watchSignal(signal: Signal): void {
  const onSignal = (): void => {
    // A command that keeps what it has measured, or cleans up, comes first, and sends the signal again if need be.
    if (process.listenerCount(signal) > 1) return;
    settled = true;
    say(`ctreplay: ended by ${signal}${printed ? '' : ' before anything was printed'}.`);
    removeUnfinished();
    // As the signal would have ended it without this, so that a shell sees the same; if that is ignored, by itself.
    process.removeListener(signal, onSignal);
    process.kill(process.pid, signal);
    setImmediate(() => process.exit(128 + SIGNALS[signal]));
  };
  process.on(signal, onSignal);
  watched.set(signal, onSignal);
}

/**
 * Runs work that keeps the event loop from turning, so that nothing of the program could hear a signal: the system then ends it at one, at
 * once and without a word. For work that leaves nothing behind.
 */
export function leavingSignalsToTheSystem<T>(work: () => T): T {
  for (const [signal, listener] of watched) process.removeListener(signal, listener);
  try {
    return work();
  } finally {
    for (const [signal, listener] of watched) process.on(signal, listener);
  }
}

/**
 * Ends the program when everything printed has been written.
 * @param argv arguments of the call
 * @param error what went wrong, to be printed; null when nothing did
 * @param code exit code of that; without an error the one that the command has set counts
 */
export async function endProgram(
  argv: readonly string[],
  error: string | null,
  code: number,
): Promise<never> {
  if (error !== null && error !== '') process.stderr.write(`${error}\n`);
  if (error !== null) process.exitCode = code;
  await Promise.all([written(process.stdout), written(process.stderr)]);
  // A write that failed is reported by the listener above, which ends the program; it is called a moment later.
  await new Promise((resolve) => setImmediate(resolve));
  if (outputEnds) await new Promise<never>(() => {});
  const exitCode = Number(process.exitCode ?? 0);
  if (exitCode === 0 && !printed && printsOneDocument(argv)) {
    endNow('ctreplay: it printed no result. This is a fault of ctreplay.', EXIT_ERROR);
  }
  settled = true;
  process.exit(exitCode);
}

/** Waits until what was written to a stream has left the program, or never will. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve();
    else stream.write('', () => resolve());
  });
}
