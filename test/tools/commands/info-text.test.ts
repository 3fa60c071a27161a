/** What `info` prints of a capture is text, whatever the capture says. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { PcapngBytes } from '../captures/pcapng-bytes.js';

describe('info', () => {
  it('shows a name from the file on one line, with what moves a terminal written out', async () => {
    const folder = scratchFolder();
    const bytes = new PcapngBytes();
    const name = '\u001b[2Jeth0\r\nTracker says: all fine';
    const frame = Buffer.alloc(60);
    writeFileSync(
      join(folder, 'x.pcapng'),
      Buffer.concat([bytes.section(), bytes.interface({ name }), bytes.enhanced(frame)]),
    );
    const { code, stdout } = await runCommandLine(['info', 'x.pcapng'], folder);
    expect(code).toBe(0);
    expect(stdout).toContain('\\x1b[2Jeth0\\r\\nTracker says: all fine: Ethernet');
    for (const moving of ['\u001b', '\r', '\nTracker says: all']) expect(stdout).not.toContain(moving);
  });
});
