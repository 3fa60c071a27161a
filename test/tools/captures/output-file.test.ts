/** Where captures are written to, and what becomes of what was there. */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { udpFrame } from '../../support/packets.js';
import { runCommandLine } from '../../support/run-command.js';
import { pcapBytes } from './pcap-bytes.js';
import { PcapngBytes } from './pcapng-bytes.js';
import { Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const CAPTURE = pcapBytes([{ data: udpFrame({}) }, { data: udpFrame({}) }]);
const run = (...args: string[]): ReturnType<typeof runCommandLine> => runCommandLine(args, scratch.folder);

describe.each([
  ['prep', ['prep', 'in.pcap', '-o']],
  ['trace', ['trace', 'in.pcap', '--write']],
  ['synth', ['synth', 'syn-flood', '--packets', '3', '-o']],
])('%s', (name, args) => {
  const input = scratch.write('in.pcap', CAPTURE);

  const ofInputs: [what: string, output: string, message: RegExp][] = [
    ['its input', 'in.pcap', /the same file.*Name another/],
    ['its input, by a link', 'link.pcap', /the same file/],
  ];
  const outputs: typeof ofInputs = [
    ['a pipe', 'pipe', /no regular file/],
    ['a device, by a link', 'null', /no regular file/],
    ['a directory', 'folder', /directory/],
    ['-', '-', /no regular file.*Name a file/],
    ...(name === 'synth' ? [] : ofInputs),
  ];

  it.each(outputs)('does not write to %s', async (_what, output, message) => {
    if (!readdirSync(scratch.folder).includes('pipe')) {
      execFileSync('mkfifo', [scratch.path('pipe')]);
      mkdirSync(scratch.path('folder'));
      symlinkSync('/dev/null', scratch.path('null'));
      symlinkSync(input, scratch.path('link.pcap'));
    }
    const before = readdirSync(scratch.folder);
    const { code, stdout, stderr } = await run(...args, output);
    expect({ code, stdout }, stderr).toEqual({ code: name === 'synth' ? 2 : 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(readdirSync(scratch.folder)).toEqual(before);
    expect(lstatSync(scratch.path('pipe')).isFIFO()).toBe(true);
    expect(readFileSync(input).equals(CAPTURE)).toBe(true);
  });
});

describe('a file that is being written', () => {
  it('has a name that no file had: not even an input that is called so', async () => {
    const input = scratch.write('day.pcap.partial', CAPTURE);
    const { code, stderr } = await run('prep', 'day.pcap.partial', '--format', 'pcap', '-o', 'day.pcap');
    expect(code, stderr).toBe(0);
    expect(readFileSync(input).equals(CAPTURE)).toBe(true);
  });

  it('leaves nothing behind where it cannot get its name', () => {
    const folder = scratch.path('late');
    mkdirSync(folder);
    const writer = new PcapWriter(`${folder}/out.pcap`);
    mkdirSync(`${folder}/out.pcap`);
    writeFileSync(`${folder}/out.pcap/here`, '');
    expect(() => writer.close()).toThrow(/out\.pcap: the file cannot be put in place/);
    expect(readdirSync(folder)).toEqual(['out.pcap']);
  });
});

describe('trace --write', () => {
  it('of a time that pcap cannot hold names file, record and remedy', async () => {
    const ng = new PcapngBytes();
    const late = ng.enhanced(udpFrame({}), { units: 4_300_000_000_000_000n });
    scratch.write('late.pcapng', Buffer.concat([ng.section(), ng.interface(), ng.enhanced(udpFrame({})), late]));
    const { code, stderr } = await run('trace', 'in.pcap', 'late.pcapng', '--bare-states', '--write', 'late.pcap');
    expect(code).toBe(1);
    expect(stderr).toMatch(/late\.pcapng, record 2, byte offset \d+: .*does not fit pcap.*1970 to 2106\. Leave the record out/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(scratch.folder)).not.toContain('late.pcap');
  });
});

describe('dump --at', () => {
  it('counts packets of earlier times behind one of a later time', async () => {
    const at = (seconds: number, srcPort: number): { seconds: number; data: Uint8Array } => ({ seconds, data: udpFrame({ srcPort }) });
    scratch.write('back.pcap', pcapBytes([at(100, 1), at(110, 2), at(101, 3)]));
    const { stdout } = await run('dump', 'back.pcap', '--at', '5s');
    expect(stdout).toContain('sport=1,');
    expect(stdout).toContain('sport=3,');
    expect(stdout).not.toContain('sport=2,');
  });
});
