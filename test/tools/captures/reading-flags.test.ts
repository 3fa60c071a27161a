import type { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { register as bench } from '../../../tools/commands/bench.js';
import { register as conform } from '../../../tools/commands/conform.js';
import { register as diff } from '../../../tools/commands/diff.js';
import { register as dump } from '../../../tools/commands/dump.js';
import { register as info } from '../../../tools/commands/info.js';
import { register as prep } from '../../../tools/commands/prep.js';
import { register as regress } from '../../../tools/commands/regress.js';
import { register as replay } from '../../../tools/commands/replay.js';
import { register as scale } from '../../../tools/commands/scale.js';
import { register as trace } from '../../../tools/commands/trace.js';
import { findOvsPrograms } from '../../../tools/conform/ovs-programs.js';
import type { Result } from '../../../tools/result/schema.js';
import type { CommandOutcome } from '../../support/command.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { runCommand } from '../../support/run-command.js';
import { pcapBytes } from './pcap-bytes.js';
import { PcapngBytes } from './pcapng-bytes.js';

const DESIGN = availableDesigns()[0] as string;
const folder = scratchFolder();
const at = (name: string): string => join(folder, name);
const FRAME = udpFrame({ payload: new Uint8Array(40) });
const OTHER = udpFrame({ srcPort: 7, payload: new Uint8Array(40) });

// Record 2 says it has more bytes than there were; the other file ends inside record 3.
const odd = pcapBytes([{ data: FRAME }, { data: OTHER, original: 50 }]);
const cut = pcapBytes([{ data: FRAME }, { data: OTHER }, { data: FRAME }]);
const ng = new PcapngBytes();
writeFileSync(at('odd.pcap'), odd);
writeFileSync(at('cut.pcap'), cut.subarray(0, cut.length - 10));
writeFileSync(
  at('mixed.pcapng'),
  Buffer.concat([
    ng.section(),
    ng.interface(),
    ng.interface({ linkType: 189 }),
    ng.enhanced(FRAME),
    ng.enhanced(FRAME, { interfaceNumber: 1 }),
    ng.enhanced(OTHER),
  ]),
);

const haveOvs = ((): boolean => {
  try {
    findOvsPrograms(process.env['PATH'] ?? '');
    return true;
  } catch {
    return false;
  }
})();

type Register = (program: Command, argv: readonly string[]) => void;

type CommandCase = [name: string, run: Register, args: (file: string) => string[]];

const QUICK = ['--design', DESIGN, '--trials', '1', '--sessions', '1', '--bare', '--json'];
const WITH_OVS: CommandCase[] = [
  ['conform', conform, (file) => ['conform', file, '--ovs', '--design', DESIGN]],
];

/** Every command that reads captures, with arguments that make it quick. */
const COMMANDS: CommandCase[] = [
  ['info', info, (file) => ['info', '--json', file]],
  ['trace', trace, (file) => ['trace', '--json', file]],
  ['dump', dump, (file) => ['dump', file]],
  ['diff', diff, (file) => ['diff', file]],
  ['prep', prep, (file) => ['prep', file, '-o', at('out.ctp')]],
  ['replay', replay, (file) => ['replay', file, '--json', '--design', DESIGN, '--bare', '--warmup', '0']],
  ['bench', bench, (file) => ['bench', '--capture', file, '--probe-cost', 'none', '--control', 'none', ...QUICK]],
  ['scale', scale, (file) => ['scale', '--capture', file, '--workers', '1', ...QUICK]],
  ...(haveOvs ? WITH_OVS : []),
];

const run = (register: Register, args: readonly string[]): Promise<CommandOutcome> => runCommand(register, args);

describe.each(COMMANDS)('%s', (name, register, argsOf) => {
  it('refuses a capture that breaks off, or keeps what is whole of it and says so', async () => {
    const refused = await run(register, argsOf(at('cut.pcap')));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('cut.pcap, record 3');
    expect(refused.stderr).toContain('--keep-truncated');
    const kept = await run(register, [...argsOf(at('cut.pcap')), '--keep-truncated']);
    // One trial is not enough for a bench to be valid; the capture was read.
    if (name !== 'bench' && name !== 'scale') expect(kept.code, kept.stderr).toBe(0);
    expect(kept.stdout + kept.stderr).toMatch(/breaks off in record 3|"truncation": ".*record 3/);
  });

  it('reads odd records as libpcap does and says so, or refuses them', async () => {
    const read = await run(register, argsOf(at('odd.pcap')));
    if (name !== 'bench' && name !== 'scale') expect(read.code, read.stderr).toBe(0);
    expect(read.stdout + read.stderr).toContain('is more than the length on the wire, 50 bytes');
    const refused = await run(register, [...argsOf(at('odd.pcap')), '--strict']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('odd.pcap, record 2');
    const both = await run(register, [...argsOf(at('odd.pcap')), '--strict', '--keep-truncated']);
    expect(both.code).toBe(2);
    expect(both.stderr).toContain('exclude each other');
  });

  it('leaves out packets that are not tracked and says so, or refuses them', async () => {
    const read = await run(register, argsOf(at('mixed.pcapng')));
    if (name !== 'bench' && name !== 'scale') expect(read.code, read.stderr).toBe(0);
    if (name === 'info') expect(read.stdout).toContain('"replayable": false');
    else expect(read.stderr).toContain('record 2: link type 189 (Linux USB) is not tracked; left out');
    if (name === 'info') return;
    const refused = await run(register, [...argsOf(at('mixed.pcapng')), '--strict']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('mixed.pcapng, record 2');
  });
});

describe('what was odd', () => {
  it('is in the result of a replay, with the packets that were replayed', async () => {
    const { stdout } = await run(replay, ['replay', at('mixed.pcapng'), at('odd.pcap'), '--json', '--design', DESIGN]);
    const result = JSON.parse(stdout) as Result;
    expect(result.cases[0]?.packets.injected).toBe(4);
    expect(result.cases[0]?.input.files).toMatchObject([
      { packets: 2, notes: [expect.stringContaining('not tracked')] },
      { packets: 2, notes: [expect.stringContaining('length on the wire')] },
    ]);
  });

  it('is in the report of info, as text and as JSON', async () => {
    expect((await run(info, ['info', at('odd.pcap')])).stdout).toMatch(/^Odd: +1 record, record 2: the captured/m);
    const { stdout } = await run(info, ['info', '--json', at('odd.pcap')]);
    const [report] = (JSON.parse(stdout) as { captures: { oddities: unknown }[] }).captures;
    expect(report?.oddities).toMatchObject([{ kind: 'captured-beyond-wire', count: 1, firstRecordIndex: 2 }]);
  });

  it('keeps packet numbers of trace those of the capture', async () => {
    const { stdout } = await run(trace, ['trace', '--json', at('mixed.pcapng'), at('odd.pcap')]);
    const numbers = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { packet: number }).packet);
    expect(numbers).toEqual([1, 3, 4, 5]);
  });

  it('can be said of an input of regress', async () => {
    const file = at('regress.yaml');
    const input = (extra: string): string => `exact:\n  inputs:\n    - capture: ${at('cut.pcap')}\n${extra}`;
    const args = ['regress', '--config', file, '--baseline', at('baseline'), '--level', 'exact', '--update'];
    writeFileSync(file, input(''));
    expect((await run(regress, args)).stderr).toContain('--keep-truncated');
    writeFileSync(file, input('      keepTruncated: true\n'));
    expect((await run(regress, args)).stderr).toContain('breaks off in record 3');
  });
});
