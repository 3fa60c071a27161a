/** Python as an independent reader of what is written. */
import { spawnSync } from 'node:child_process';

/** Whether there is a python3 to read with. */
export const PYTHON = spawnSync('python3', ['-c', '0']).status === 0;

/** Why tests that need it are skipped. */
export const NO_PYTHON = 'python3 is not installed: nothing else reads the file back here';

/** Runs a program with `input` on its standard input; returns what it prints, parsed as JSON. */
export function python<T>(program: string, input: string): T {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', program], {
    input,
    encoding: 'utf8',
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`python3: ${stderr}`);
  return JSON.parse(stdout) as T;
}
