import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { JsonSplitter, UnixctlClient } from '../../../tools/conform/unixctl-client.js';

const cleanups: (() => void)[] = [];
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()));

/** A daemon that answers each request with what `answer` returns; undefined leaves it without an answer. */
async function daemon(answer: (method: string, params: string[]) => object | undefined): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'unixctl-'));
  const path = join(directory, 'ctl');
  const server: Server = createServer((socket) => {
    const splitter = new JsonSplitter();
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      for (const message of splitter.push(text)) {
        const { method, params, id } = JSON.parse(message) as {
          method: string;
          params: string[];
          id: number;
        };
        const body = answer(method, params);
        if (body !== undefined) socket.write(JSON.stringify({ result: null, error: null, id, ...body }));
      }
    });
    cleanups.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanups.push(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return path;
}

test('answers reach the call they belong to', async () => {
  const client = await UnixctlClient.open(
    await daemon((method, params) => ({ result: `${method} ${params}` })),
    2000,
  );
  cleanups.push(() => client.close());
  const calls = [client.call('version'), client.call('time/warp', '5'), client.call('brace', '{"')];
  expect(await Promise.all(calls)).toEqual(['version ', 'time/warp 5', 'brace {"']);
});

test("an error carries the daemon's words and the command", async () => {
  const client = await UnixctlClient.open(await daemon(() => ({ error: 'no such dummy netdev\n' })), 2000);
  cleanups.push(() => client.close());
  await expect(client.call('netdev-dummy/receive')).rejects.toThrow(
    "'netdev-dummy/receive': no such dummy netdev",
  );
});

test('a daemon that does not answer is an error in bounded time', async () => {
  const client = await UnixctlClient.open(await daemon(() => undefined), 50);
  cleanups.push(() => client.close());
  await expect(client.call('hang')).rejects.toThrow("did not answer 'hang' within 50 ms");
});

test('a missing socket is named', async () => {
  await expect(UnixctlClient.open('/nonexistent/ctl', 100)).rejects.toThrow(
    'control socket /nonexistent/ctl',
  );
});

test('objects are found however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.object(), { maxLength: 5 }), fc.integer({ min: 1, max: 7 }), (objects, size) => {
      const text = objects.map((object) => JSON.stringify(object)).join('');
      const splitter = new JsonSplitter();
      const found: string[] = [];
      for (let at = 0; at < text.length; at += size) found.push(...splitter.push(text.slice(at, at + size)));
      expect(found).toEqual(objects.map((object) => JSON.stringify(object)));
    }),
  );
});
