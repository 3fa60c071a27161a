import { afterEach, describe, expect, it } from 'vitest';
import type { Piscina } from 'piscina';
import { makeThreadPool, runOnThread } from '../../../tools/replay/thread-pool.js';

let pool: Piscina | null = null;
afterEach(async () => pool?.destroy());

describe('a pool of threads', () => {
  it('does not replace a thread that has ended', async () => {
    pool = makeThreadPool(3);
    await pool.threads[0]?.terminate();
    // A new one would have been started by now.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(pool.threads).toHaveLength(2);
  });

  it('names a function that its module lacks', async () => {
    pool = makeThreadPool(1);
    await expect(runOnThread(pool, 'worker', 'noSuchTask', {})).rejects.toThrow(
      /replay\/worker\.js has no function noSuchTask/,
    );
  });
});
