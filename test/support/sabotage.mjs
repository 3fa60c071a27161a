/** Loaded into the program before it starts (node --import): lets one thing go wrong that cannot be asked for otherwise. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';
import { Command } from 'commander';

const [what, afterMs = '0'] = (process.env['SABOTAGE'] ?? '').split(':');

const acts = {
  /** Something calls for the end, and says that all is well. */
  exit: () => setTimeout(() => process.exit(0), Number(afterMs)),
  /** A file is opened and never answers: nothing is left to wait for. */
  silence: () => {
    fs.open = () => new Promise(() => {});
    syncBuiltinESMExports();
  },
  /** An error that nobody waits for. */
  rejection: () => setTimeout(() => Promise.reject(new Error('stray')), Number(afterMs)),
  /** A command comes to its end without having printed anything. */
  omission: () => {
    Command.prototype.parseAsync = async () => {};
  },
  /** Every thread is ended from outside so long after its start. */
  kill: () => {
    const { Worker } = threads;
    threads.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        setTimeout(() => void this.terminate(), Number(afterMs));
      }
    };
    syncBuiltinESMExports();
  },
};

if (threads.isMainThread) acts[what]?.();
