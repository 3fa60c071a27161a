import { connect, type Socket } from 'node:net';
import { OvsFailedError } from './conform-error.js';

interface Pending {
  readonly method: string;
  readonly resolve: (result: string) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A client of an Open vSwitch daemon's control socket: what ovs-appctl does with one process per command, over one
 * connection. The protocol is JSON-RPC 1.0: bare JSON objects after one another, no framing
 * (Open vSwitch, ovs-appctl(8) and ovsdb-server's RFC 7047 section 4).
 */
export class UnixctlClient {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #splitter = new JsonSplitter();
  #nextId = 1;
  #closedBy: Error | null = null;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (error) =>
      this.#fail(new OvsFailedError(`control socket: ${error.message}`, { cause: error })),
    );
    socket.on('close', () =>
      this.#fail(new OvsFailedError('Open vSwitch closed its control socket (it has stopped)')),
    );
  }

  /**
   * Connects to a control socket.
   * @param path of the socket, at most 107 bytes (sockaddr_un)
   * @param timeoutMs bound on connecting and on every call
   * @throws OvsFailedError
   */
  static open(path: string, timeoutMs: number): Promise<UnixctlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new OvsFailedError(`control socket ${path} did not accept within ${timeoutMs} ms`));
      }, timeoutMs);
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(new OvsFailedError(`control socket ${path}: ${error.message}`, { cause: error }));
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new UnixctlClient(socket, timeoutMs));
      });
    });
  }

  /**
   * Runs one command and returns its text.
   * @throws OvsFailedError with the daemon's own words, or when it does not answer in time
   */
  call(method: string, ...params: readonly string[]): Promise<string> {
    if (this.#closedBy !== null) return Promise.reject(this.#closedBy);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new OvsFailedError(`Open vSwitch did not answer '${method}' within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      this.#pending.set(id, { method, resolve, reject, timer });
      this.#socket.write(JSON.stringify({ method, params, id }));
    });
  }

  /** Closes the connection; calls under way fail. */
  close(): void {
    this.#socket.destroy();
    this.#fail(new OvsFailedError('the control socket was closed'));
  }

  #receive(text: string): void {
    for (const message of this.#splitter.push(text)) {
      const reply = JSON.parse(message) as { id: unknown; result: unknown; error: unknown };
      const pending = typeof reply.id === 'number' ? this.#pending.get(reply.id) : undefined;
      if (pending === undefined) continue;
      this.#pending.delete(reply.id as number);
      clearTimeout(pending.timer);
      if (reply.error !== null && reply.error !== undefined) {
        pending.reject(new OvsFailedError(`'${pending.method}': ${String(reply.error).trim()}`));
      } else {
        pending.resolve(typeof reply.result === 'string' ? reply.result : '');
      }
    }
  }

  #fail(error: Error): void {
    this.#closedBy ??= error;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.#pending.clear();
  }
}

/** Cuts a stream of concatenated JSON objects into its objects. */
export class JsonSplitter {
  #text = '';
  #position = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** @returns the objects that this piece completes */
  push(piece: string): string[] {
    this.#text += piece;
    const complete: string[] = [];
    let start = 0;
    for (; this.#position < this.#text.length; this.#position++) {
      const char = this.#text[this.#position];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (char === '\\') this.#escaped = true;
        else if (char === '"') this.#inString = false;
      } else if (char === '"') this.#inString = true;
      else if (char === '{') this.#depth++;
      else if (char === '}' && --this.#depth === 0) {
        complete.push(this.#text.slice(start, this.#position + 1));
        start = this.#position + 1;
      }
    }
    this.#text = this.#text.slice(start);
    this.#position -= start;
    return complete;
  }
}
