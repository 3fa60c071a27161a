/** What a command says beside its output, on standard error. */

let silent = false;

/** For a process that repeats what another has done: that one has said it all. */
export function silenceNotices(): void {
  silent = true;
}

/** Says a line. */
export function notice(line: string): void {
  if (!silent) process.stderr.write(`${line}\n`);
}
