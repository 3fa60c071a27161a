import { describe, expect, it } from 'vitest';
import { goBenchText } from '../../../tools/report/go-bench.js';
import { HOSTILE_TEXTS, hostileRun, sampleRuns } from './sample-runs.js';

interface BenchLine {
  name: string;
  iterations: number;
  values: Record<string, number>;
}

/** Reads the Go benchmark format (https://golang.org/design/14313-benchmark-format): configuration, units, results. */
function read(text: string): {
  config: Record<string, string>[];
  lines: BenchLine[];
  units: Record<string, string>;
} {
  const config: Record<string, string>[] = [{}];
  const units: Record<string, string> = {};
  const lines: BenchLine[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const unit = /^Unit (\S+) (\S+)=(\S+)$/.exec(line);
    const setting = /^([a-z][^\sA-Z]*): ?(.*)$/.exec(line);
    if (unit !== null) units[unit[1]!] = `${unit[2]}=${unit[3]}`;
    else if (setting !== null) config.at(-1)![setting[1]!] = setting[2]!;
    else {
      const fields = line.split(/\s+/);
      expect(fields[0]).toMatch(/^Benchmark(?![a-z])\S+-\d+$/);
      expect(fields.length % 2).toBe(0);
      const values: Record<string, number> = {};
      for (let i = 2; i < fields.length; i += 2) {
        expect(fields[i]).toMatch(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/);
        expect(values[fields[i + 1]!]).toBeUndefined();
        values[fields[i + 1]!] = Number(fields[i]);
      }
      expect(fields[1]).toMatch(/^[1-9]\d*$/);
      lines.push({ name: fields[0]!, iterations: Number(fields[1]), values });
    }
  }
  return { config, lines, units };
}

describe('Go benchmark lines', () => {
  it('are one per trial, with the figures of the result', () => {
    const runs = sampleRuns({ kind: 'bench', trials: 3, workers: [1, 2], packets: 400 });
    const { config, lines, units } = read(goBenchText(runs));
    const { cases } = runs[0]!.result;
    expect(lines).toHaveLength(cases.length);
    expect(new Set(lines.map((line) => line.name))).toEqual(
      new Set(
        [1, 2].flatMap((workers) =>
          ['timeout-lists', 'rculist-sweep'].map(
            (design) => `BenchmarkReplay/design=${design}/scenario=syn-flood-${workers}`,
          ),
        ),
      ),
    );
    lines.forEach((line, index) => {
      const entry = cases[index]!;
      expect(line.iterations).toBe(entry.packets.injected);
      const { elapsedNs, packets, pps } = entry.throughput!;
      expect(line.values['ns/op']).toBeCloseTo(elapsedNs / packets, 6);
      expect(line.values['pps']).toBeCloseTo(pps!, 0);
      expect(line.values['probe-cost-ns']).toBeCloseTo(entry.probeCost!.nsPerPacket, 5);
      expect(line.values['p99-ns']).toBe(entry.latency!.service!.overall.p99Ns);
    });
    expect(units['pps']).toBe('better=higher');
    expect(config[0]).toMatchObject({ goos: 'linux', goarch: 'amd64', cpu: 'Sample CPU @ 2.50GHz' });
  });

  it('do not call throughput so that has the cost of probes in it', () => {
    const { lines } = read(goBenchText(sampleRuns({ kind: 'bench', packets: 400, oldShape: true })));
    for (const { values } of lines) {
      expect(Object.keys(values)).toEqual(
        expect.arrayContaining(['burdened-pps', 'burdened-ns/op', 'p99-ns']),
      );
      expect(Object.keys(values)).not.toContain('pps');
      expect(Object.keys(values)).not.toContain('ns/op');
    }
  });

  it('keep captures apart whatever script their names are in', () => {
    const names = ['日本語.pcap', '中国.pcap', 'x'.repeat(130), `${'x'.repeat(130)}y`].map((captureName) => {
      const [run] = sampleRuns({ captureName, packets: 100, designs: ['timeout-lists'] });
      return run!.result.cases[0]!;
    });
    const [run] = sampleRuns({ packets: 100 });
    run!.result.cases = names.map((entry, index) => ({ ...entry, id: `${entry.input.name}/${index}` }));
    const lines = read(goBenchText([run!])).lines.map(({ name }) => name);
    expect(new Set(lines).size).toBe(4);
    expect(lines[0]).toContain('capture=日本語.pcap');
  });

  it('keep their grammar with hostile names', () => {
    for (const text of HOSTILE_TEXTS) expect(read(goBenchText([hostileRun(text)])).lines).toHaveLength(2);
  });
});
