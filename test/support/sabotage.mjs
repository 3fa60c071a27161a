/** Loaded into the program before it starts (node --import): lets one thing go wrong that cannot be asked for otherwise. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';
import { Command } from 'commander';

const [what, how = '0'] = (process.env['SABOTAGE'] ?? '').split(':');
/** For most it is a time. */
const afterMs = Number(how);

const acts = {
  /** Something calls for the end, and says that all is well. */
  exit: () => setTimeout(() => process.exit(0), afterMs),
  /** A file is opened and never answers: nothing is left to wait for. */
  silence: () => {
    fs.open = () => new Promise(() => {});
    syncBuiltinESMExports();
  },
  /** An error that nobody waits for. */
  rejection: () => setTimeout(() => Promise.reject(new Error('stray')), afterMs),
  /** A signal comes as soon as the program listens for it, which has not begun its work then. */
  signal: () => {
    const onListener = (name) => {
      if (name !== how) return;
      process.removeListener('newListener', onListener);
      setImmediate(() => process.kill(process.pid, name));
    };
    process.on('newListener', onListener);
  },
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
        setTimeout(() => void this.terminate(), afterMs);
      }
    };
    syncBuiltinESMExports();
  },
};

if (threads.isMainThread) acts[what]?.();
