import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { OvsFailedError } from './conform-error.js';
import { findOvsPrograms, type OvsPrograms } from './ovs-programs.js';
import { UnixctlClient } from './unixctl-client.js';

const run = promisify(execFile);

/** sockaddr_un holds 108 bytes with the final zero; the longest name below the directory has about 30. */
const MAX_DIRECTORY_LENGTH = 75;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface SandboxOptions {
  /** Bound in milliseconds on every wait: start, command, stop. */
  readonly timeoutMs?: number;
  /** Where the programs are; found on PATH when absent. */
  readonly programs?: OvsPrograms;
}

/**
 * A private Open vSwitch: its own database, sockets and logs in a temporary directory, the userspace datapath with
 * dummy ports only, virtual time. It needs neither a kernel module nor a service manager nor privileges, and shares
 * nothing with an Open vSwitch that the machine may run.
 *
 * `stop` removes everything; so do the end of this process and the usual signals.
 */
export class OvsSandbox {
  /** Database, sockets, logs, and room for the ports' capture files. */
  readonly directory: string;
  readonly #programs: OvsPrograms;
  readonly #timeoutMs: number;
  readonly #children: ChildProcess[] = [];
  readonly #onExit = (): void => this.#killNow();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#killNow();
    // The handler is gone now, so the signal ends this process as it would have without a sandbox.
    process.kill(process.pid, signal);
  };
  #control: UnixctlClient | null = null;
  #stopped = false;

  private constructor(directory: string, programs: OvsPrograms, timeoutMs: number) {
    this.directory = directory;
    this.#programs = programs;
    this.#timeoutMs = timeoutMs;
    process.once('exit', this.#onExit);
    for (const signal of SIGNALS) process.once(signal, this.#onSignal);
  }

  /**
   * Starts an instance with stopped time and no bridge.
   * @throws OvsNotInstalledError
   * @throws OvsFailedError when a part does not come up within the bound; nothing is left behind
   */
  static async start(options: SandboxOptions = {}): Promise<OvsSandbox> {
    const programs = options.programs ?? findOvsPrograms(process.env['PATH'] ?? '');
    const timeoutMs = options.timeoutMs ?? 20_000;
    const parent = tmpdir().length <= MAX_DIRECTORY_LENGTH - 20 ? tmpdir() : '/tmp';
    const directory = await mkdtemp(join(parent, 'ctreplay-ovs-'));
    const sandbox = new OvsSandbox(directory, programs, timeoutMs);
    try {
      await sandbox.#startDaemons();
      return sandbox;
    } catch (error) {
      const failure = sandbox.#describe(error);
      await sandbox.stop();
      throw failure;
    }
  }

  /** Runs a command of ovs-vswitchd, as ovs-appctl would. @throws OvsFailedError */
  appctl(method: string, ...params: readonly string[]): Promise<string> {
    if (this.#control === null) return Promise.reject(new OvsFailedError('Open vSwitch is not running'));
    return this.#control.call(method, ...params);
  }

  /** Runs ovs-vsctl on this instance's database and waits until the switch has applied it. @throws OvsFailedError */
  async vsctl(...args: readonly string[]): Promise<string> {
    const seconds = Math.max(1, Math.ceil(this.#timeoutMs / 1000));
    return this.#run(this.#programs.vsctl, [
      `--timeout=${seconds}`,
      `--db=unix:${this.#path('db.sock')}`,
      ...args,
    ]);
  }

  /** Adds the flows of a text file to those of a bridge. @throws OvsFailedError */
  async addFlows(bridge: string, file: string): Promise<void> {
    await this.#run(this.#programs.ofctl, ['add-flows', `unix:${this.#path(`${bridge}.mgmt`)}`, file]);
  }

  /** The version line of ovs-vswitchd, such as `ovs-vswitchd (Open vSwitch) 3.1.0`. */
  async version(): Promise<string> {
    const text = await this.#run(this.#programs.vswitchd, ['--version']);
    return text.split('\n')[0] ?? '';
  }

  /** Ends both daemons and removes the directory. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#forgetHandlers();
    this.#control?.close();
    this.#control = null;
    await Promise.all(this.#children.map((child) => endChild(child)));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #startDaemons(): Promise<void> {
    const database = this.#path('conf.db');
    const socket = this.#path('db.sock');
    await this.#run(this.#programs.ovsdbTool, ['create', database, this.#programs.schema]);
    this.#spawn('ovsdb-server', this.#programs.ovsdbServer, [
      `--remote=punix:${socket}`,
      '-vconsole:off',
      database,
    ]);
    await this.#waitFor('the database socket', () => accepts(socket));
    await this.vsctl('--no-wait', 'init');
    const controlPath = this.#path('vswitchd.ctl');
    this.#spawn('ovs-vswitchd', this.#programs.vswitchd, [
      '--enable-dummy=override',
      '--disable-system',
      '-vconsole:off',
      `--unixctl=${controlPath}`,
      `unix:${socket}`,
    ]);
    await this.#waitFor('the control socket', () => existsSync(controlPath));
    this.#control = await this.#connect(controlPath);
    await this.appctl('time/stop');
  }

  /** The socket's file appears a moment before the daemon listens on it. */
  async #connect(path: string): Promise<UnixctlClient> {
    const endsAt = performance.now() + this.#timeoutMs;
    for (;;) {
      try {
        return await UnixctlClient.open(path, this.#timeoutMs);
      } catch (error) {
        if (performance.now() > endsAt) throw error;
        await delay(5);
      }
    }
  }

  #spawn(name: string, program: string, args: readonly string[]): void {
    const log = this.#path(`${name}.log`);
    const child = spawn(program, [...args, `--log-file=${log}`], {
      env: this.#environment(),
      cwd: this.directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.pipe(createWriteStream(this.#path(`${name}.err`)));
    // A failed spawn shows as a socket that never comes; the reason is wanted then.
    child.on('error', (error) => (this.#spawnError ??= error));
    this.#children.push(child);
  }
  #spawnError: Error | null = null;

  async #run(program: string, args: readonly string[]): Promise<string> {
    try {
      const { stdout } = await run(program, args, {
        env: this.#environment(),
        cwd: this.directory,
        timeout: this.#timeoutMs,
        maxBuffer: 256 * 1024 * 1024,
      });
      return stdout;
    } catch (error) {
      const stderr = (error as { stderr?: string }).stderr?.trim();
      const reason = stderr ? stderr : (error as Error).message;
      throw new OvsFailedError(`${program} ${args[0] ?? ''}: ${reason}`, { cause: error });
    }
  }

  async #waitFor(what: string, ready: () => boolean | Promise<boolean>): Promise<void> {
    const endsAt = performance.now() + this.#timeoutMs;
    while (!(await ready())) {
      if (this.#spawnError !== null) throw this.#spawnError;
      const ended = this.#children.find((child) => child.exitCode !== null || child.signalCode !== null);
      if (ended !== undefined) throw new OvsFailedError(`${ended.spawnfile} ended while starting`);
      if (performance.now() > endsAt)
        throw new OvsFailedError(`${what} did not appear within ${this.#timeoutMs} ms`);
      await delay(5);
    }
  }

  /** Adds what the daemons said, since their directory is about to go. */
  #describe(error: unknown): Error {
    const logged = ['ovsdb-server', 'ovs-vswitchd']
      .flatMap((name) => [this.#path(`${name}.err`), this.#path(`${name}.log`)])
      .map((path) =>
        existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').slice(-3).join('; ') : '',
      )
      .filter((text) => text !== '');
    const reason = error instanceof Error ? error.message : String(error);
    return new OvsFailedError(`Open vSwitch did not start: ${[reason, ...logged].join(' | ')}`, {
      cause: error,
    });
  }

  #environment(): NodeJS.ProcessEnv {
    const directory = this.directory;
    return {
      ...process.env,
      OVS_RUNDIR: directory,
      OVS_DBDIR: directory,
      OVS_LOGDIR: directory,
      OVS_SYSCONFDIR: directory,
    };
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #forgetHandlers(): void {
    process.removeListener('exit', this.#onExit);
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
  }

  /** For the ways out that leave no time to wait. */
  #killNow(): void {
    this.#stopped = true;
    this.#forgetHandlers();
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Whether somebody listens on a socket: its file is there a moment before. */
function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Asks by signal, then kills; the daemons hold nothing worth saving. */
async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 1000);
  await ended;
  clearTimeout(hard);
}
