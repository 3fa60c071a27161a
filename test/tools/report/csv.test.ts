import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import * as prettier from 'prettier';
import { describe, expect, it } from 'vitest';
import { toCsv, type Field } from '../../../tools/text/csv.js';
import { csvColumnsMarkdown, CSV_TABLES } from '../../../tools/report/csv-tables.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { HOSTILE_TEXTS, hostileRun, sampleRuns } from './sample-runs.js';
import { NO_PYTHON, PYTHON, python } from './python.js';

/** Reads CSV texts, given as a JSON list, and returns the records of each. */
const READ_CSV =
  'import csv,sys,io,json;print(json.dumps([list(csv.reader(io.StringIO(t,newline=""),strict=True)) for t in json.load(sys.stdin)]))';

/** Minimal RFC 4180 reader, strict: every record has the fields of the header, every line ends in CR LF. */
function parseRfc4180(text: string): string[][] {
  const records: string[][] = [];
  let at = 0;
  while (at < text.length) {
    const record: string[] = [];
    for (;;) {
      const match = /"((?:[^"]|"")*)"|([^",\r\n]*)/y;
      match.lastIndex = at;
      const found = match.exec(text)!;
      record.push(found[1] === undefined ? found[2]! : found[1].replaceAll('""', '"'));
      at = match.lastIndex;
      if (text[at] === ',') at += 1;
      else break;
    }
    expect(text.slice(at, at + 2)).toBe('\r\n');
    at += 2;
    records.push(record);
  }
  return records;
}

function objects(text: string): Record<string, string>[] {
  const [header, ...rows] = parseRfc4180(text);
  return rows.map((row) => {
    expect(row).toHaveLength(header!.length);
    return Object.fromEntries(header!.map((name, index) => [name, row[index]!]));
  });
}

const table = (name: string) => CSV_TABLES.find((csvTable) => csvTable.name === name)!;

describe('CSV text', () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom(...HOSTILE_TEXTS),
  );

  it('is RFC 4180 and free of formulas whatever the fields hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field), { maxLength: 8 }), (rows) => {
        const text = toCsv<readonly Field[]>(
          [
            { name: 'a', doc: '', value: (row) => row[0] },
            { name: 'b', doc: '', value: (row) => row[1] },
          ],
          rows,
        );
        const records = parseRfc4180(text);
        expect(records).toHaveLength(rows.length + 1);
        records.slice(1).forEach((record, index) => {
          record.forEach((shown, column) => {
            const given = rows[index]![column];
            if (typeof given === 'string') expect(shown).not.toMatch(/^[=+\-@\t\r＝＋－＠]/);
            if (typeof given === 'number')
              expect(shown === '' ? Number.NaN : Number(shown)).toBe(
                Number.isFinite(given) ? given + 0 : Number.NaN,
              );
            if (given === null) expect(shown).toBe('');
            // oxlint-disable-next-line no-control-regex -- control characters must not be there
            expect(shown).not.toMatch(/[\u0000-\u001f]/);
          });
        });
      }),
    );
  });

  it.skipIf(!PYTHON)(`is read the same by Python (else: ${NO_PYTHON})`, () => {
    const runs = [
      ...sampleRuns({ kind: 'bench', trials: 2, packets: 1500 }),
      ...HOSTILE_TEXTS.map(hostileRun),
    ];
    const texts = CSV_TABLES.map((csvTable) => csvTable.render(runs)!);
    const read = python<string[][][]>(READ_CSV, JSON.stringify(texts));
    CSV_TABLES.forEach((csvTable, index) => {
      expect(read[index], csvTable.name).toEqual(parseRfc4180(texts[index]!));
      expect(new Set(read[index]!.map((row) => row.length)).size, csvTable.name).toBe(1);
      expect(read[index]![0]).toEqual(csvTable.columns.map((column) => column.name));
    });
  });
});

describe('CSV tables', () => {
  const [run] = sampleRuns({ workers: [1, 2], packets: 3000 });
  const runs = [run!];

  it('give the figures of the result', () => {
    const rows = objects(table('summary').render(runs)!);
    expect(rows).toHaveLength(run!.result.cases.length);
    rows.forEach((row, index) => {
      const entry = run!.result.cases[index]!;
      expect(row['case_id']).toBe(entry.id);
      expect(Number(row['achieved_pps'])).toBe(entry.pacing.achievedPps);
      expect(Number(row['service_p99_ns'])).toBe(entry.latency!.service!.overall.p99Ns);
      expect(Number(row['response_p99_9_ns'])).toBe(entry.latency!.response!.overall.p999Ns);
      expect(Number(row['connections_expired'])).toBe(entry.connections!.expired);
    });
    const locks = objects(table('locks').render(runs)!);
    const lines = run!.result.cases.flatMap((entry) => entry.locks ?? []);
    expect(locks.map((row) => [row['lock_class'], row['thread'], Number(row['acquisitions'])])).toEqual(
      lines.map((line) => [line.class, line.thread, line.acquisitions]),
    );
    const timeline = objects(table('timeline').render(runs)!);
    expect(timeline).toHaveLength(run!.result.cases.flatMap((entry) => entry.timeline ?? []).length);
  });

  it('leave empty what was not measured', () => {
    const [row] = objects(table('summary').render(sampleRuns({ minimal: true }))!);
    for (const name of ['service_p50_ns', 'lock_wait_share', 'sweeps', 'target_pps', 'cpu_model'])
      expect(row![name], name).toBe('');
    expect(row!['packets']).toBe('10000');
    const quiet = objects(table('timeline').render(runs)!).find((line) => line['packets'] === '0');
    expect(quiet!['service_p50_ns']).toBe('');
  });

  it('that are always written have a header without rows', () => {
    const minimal = sampleRuns({ minimal: true });
    for (const csvTable of CSV_TABLES) {
      const text = csvTable.render(minimal);
      if (csvTable.always) expect(parseRfc4180(text!)[0]!.length).toBe(csvTable.columns.length);
    }
    expect(table('nat').render(minimal)).toBeNull();
  });

  it('name their columns once, in snake case with the unit last', () => {
    for (const csvTable of CSV_TABLES) {
      const names = csvTable.columns.map((column) => column.name);
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      for (const { name, doc } of csvTable.columns) {
        expect(doc, name).not.toBe('');
        if (/, in nanoseconds/.test(doc)) expect(name).toMatch(/_ns$/);
        if (/, in milliseconds/.test(doc)) expect(name).toMatch(/_ms$/);
      }
    }
  });

  it('count all sweeps, also where only the first ten thousand were kept', () => {
    const [many] = sampleRuns({ packets: 300 });
    for (const entry of many!.result.cases) {
      entry.sweeper = { passes: 12_345, passNs: 1e6 };
      entry.connections!.expired = 54_321;
    }
    for (const row of objects(table('summary').render([many!])!)) expect(row['sweeps']).toBe('12345');
    const text = renderTerminal([many!], { width: 200, colour: false });
    // How many connections the passes that were not kept looked at is not known, so that column is left out.
    expect(text).toMatch(/sweeps +cleaned.*\n.* 12,345 +54,321 /);
  });

  it('are described in docs/schema/csv-columns.md (vitest run FILE -u rewrites it)', async () => {
    const file = fileURLToPath(new URL('../../../docs/schema/csv-columns.md', import.meta.url));
    const options = (await prettier.resolveConfig(file)) ?? {};
    const text = await prettier.format(csvColumnsMarkdown(), { ...options, filepath: file });
    await expect(text).toMatchFileSnapshot(resolve(file));
  });
});
