import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseMatrixFile } from '../../../tools/bench/matrix-file.js';
import { checkMatrix, MatrixError } from '../../../tools/bench/matrix-spec.js';
import { planMatrix } from '../../../tools/bench/matrix-plan.js';
import { configSettings } from '../../../tools/config/apply-config.js';
import { ConfigError } from '../../../tools/config/config-error.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { createRules } from '../../../tools/config/rules.js';
import { Random } from '../../../tools/random/random.js';
import { RegressError } from '../../../tools/regress/check.js';
import { compareResults } from '../../../tools/regress/compare-results.js';
import { exactBaselineText, exactChecks, parseExactBaseline } from '../../../tools/regress/exact-baseline.js';
import { parseRatioBaseline, ratioBaselineText } from '../../../tools/regress/ratio-baseline.js';
import { parseRegressConfig } from '../../../tools/regress/regress-config.js';
import { parseThreshold, ThresholdError } from '../../../tools/regress/threshold-expression.js';
import { cellFigures, thresholdChecks } from '../../../tools/regress/thresholds.js';
import { makeDueOfProfile, parseProfile } from '../../../tools/replay/rate-profile.js';
import { ALL_FORMATS, renderFormats } from '../../../tools/report/formats.js';
import { parseResult, ResultFileError } from '../../../tools/result/result-file.js';
import { compileFilter, FilterError } from '../../../tools/rewrite/filter.js';
import { parseIpMap } from '../../../tools/rewrite/ip-map.js';
import { FUZZ_TELLS, fuzzFiles, fuzzSeed } from '../../support/fuzz-size.js';
import { mutateJson, mutateText } from '../../support/mutate-text.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';
import { sampleResult } from '../../support/results.js';

const FILES = fuzzFiles(1000, 200_000);
const SEED = fuzzSeed(20_261_128);
/** Fewer files may leave no expression sound. */
const FEW = 10_000;
const TIMEOUT_MS = 3_600_000;
/** Characters of a message: it shows what is wrong, not the file, however long that is. */
const MAX_MESSAGE = 2000;
const FILE = 'damaged.file';

const docs = join(import.meta.dirname, '../../../docs');
const blocksOf = (page: string): string[] =>
  [...readFileSync(join(docs, page), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    (match) => match[1] as string,
  );

/** A kind of file: sound ones, how it is read, and what its refusals are. */
interface Kind {
  readonly name: string;
  readonly sound: readonly string[];
  readonly mutate: (text: string, other: string, random: Random) => string;
  /** Reads the text and uses what it says, as the commands do. */
  readonly use: (text: string) => unknown;
  readonly refusals: readonly (new (...args: never[]) => Error)[];
  /** Whether a refusal begins with the file. */
  readonly namesFile: boolean;
}

const frames = [tcpFrame(), udpFrame(), new Uint8Array(14)];

function useConfig(text: string): void {
  const config = parseConfig(text, FILE);
  const rules = createRules(config);
  for (const frame of frames) expect(rules.requests[rules.choose({ frame, worker: 1 })]).toBeDefined();
  configSettings(config);
  // What was taken is plain data that says the same again.
  const written = JSON.stringify(config.entries);
  expect(JSON.stringify(parseConfig(written, FILE).entries)).toBe(written);
}

/** All but the page, whose scripts take long to load. */
const FORMATS = ALL_FORMATS.filter(({ name }) => name !== 'html');
let formatIndex = 0;

async function useResult(text: string): Promise<void> {
  const result = parseResult(text, FILE);
  const written = JSON.stringify(result);
  expect(JSON.stringify(parseResult(written, FILE))).toBe(written);
  const run = { label: 'damaged', file: null, result };
  // One after the other: all of them take long for each of many.
  formatIndex = (formatIndex + 1) % FORMATS.length;
  const format = FORMATS[formatIndex] as (typeof FORMATS)[number];
  for (const { content } of await renderFormats([run], [format])) expect(typeof content).toBe('string');
  try {
    compareResults([run], [run], { alpha: 0.05, acrossMachines: false });
  } catch (error) {
    // A result may have no cell that can be compared.
    if (!(error instanceof RegressError)) throw error;
  }
}

const COUNTS = { 'new|trk': 10, 'est|trk': 990 };
const EXACT = exactBaselineText({
  seed: 1,
  designs: new Map([['rculist-sweep', { memory: { bytes: 4 }, lockTurns: { ct_lock: 2 }, lockSleeps: {} }]]),
  cells: new Map([
    [
      'a/b',
      {
        ...{ packets: 1000, verdictHash: 'aa', tableHash: 'bb', connections: 10 },
        ...{
          verdicts: COUNTS,
          reasons: COUNTS,
          locks: COUNTS,
          work: COUNTS,
          lines: COUNTS,
          loopTurns: COUNTS,
        },
      } as never,
    ],
  ]),
});
const RATIOS = ratioBaselineText({
  ...{
    machineId: 'm',
    cpuModel: 'c',
    measuredAt: '2026-11-28T00:00:00Z',
    throughput: 'bare',
    mutex: 'glibc',
    touchAhead: 'off',
  },
  ratios: [
    {
      ...{
        base: 'a',
        head: 'b',
        metric: 'pps',
        direction: 'higher-is-better',
        ratio: 1.1,
        low: 1,
        high: 1.2,
      },
      ...{ confidence: 0.95, n: 6, sessionRatios: [1.1, 1.2] },
    },
  ],
  runs: [
    { name: 'sweep', kind: 'cost', direction: 'lower-is-better', machineBound: true, sessionValues: [1, 2] },
  ],
  figures: new Map([['a/b', { pps: 1, 'service.p99': 100 }]]),
  identities: new Map([['a/b', new Map([['rate', 'top speed']])]]),
} as never);
const RESULTS = [sampleResult({ minimal: true }), sampleResult({ packets: 60, trials: 1, workers: [1] })].map(
  (result) => JSON.stringify(result),
);
const EXPRESSIONS = {
  filters: [
    'tcp and port 21',
    'not (udp or icmp) and src net 10.0.0.0/8',
    'portrange 1-1024 or host ::1',
    'vlan 5 and greater 100',
  ],
  thresholds: [
    'service.p99 < 2x baseline',
    'pps >= 90% baseline on syn-flood',
    'lockWaitShare < 5%',
    'service.max < 25ms',
  ],
  profiles: ['0s:10k,30s:100k,60s:1M', '0ms:1,1h:0.5G'],
  ipMaps: ['10.0.0.0/8:172.16.0.0/12,192.0.2.1:192.0.2.2', '[2001:db8::/32]:[fd00::/32]'],
};

const FIGURES = cellFigures(sampleResult({ minimal: true }).cases);

const KINDS: readonly Kind[] = [
  {
    name: 'configuration',
    sound: [
      ...readdirSync(join(docs, 'examples'))
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => readFileSync(join(docs, 'examples', name), 'utf8')),
      ...blocksOf('config.md'),
      'rules:\n  - { match: { src: 10.0.0.0/8, sport: [1, 5], zone: [1, 2] }, commit: true, mark: 0x5/0xff, label: { value: 1, mask: 3 } }\n',
    ],
    mutate: mutateText,
    use: useConfig,
    refusals: [ConfigError],
    namesFile: true,
  },
  {
    name: 'matrix',
    sound: blocksOf('bench.md'),
    mutate: mutateText,
    use: (text) => {
      const file = parseMatrixFile(text, FILE);
      planMatrix(checkMatrix(file.content, file.file, file.lineOf), 2);
    },
    refusals: [MatrixError],
    namesFile: true,
  },
  {
    name: 'gate',
    sound: blocksOf('ci.md').filter((block) => block.startsWith('designs:')),
    mutate: mutateText,
    use: (text) => parseRegressConfig(text, FILE),
    refusals: [RegressError],
    namesFile: true,
  },
  {
    name: 'exact baseline',
    sound: [EXACT],
    mutate: mutateJson,
    use: (text) => {
      const baseline = parseExactBaseline(text, FILE);
      exactChecks(baseline, parseExactBaseline(EXACT, FILE), FILE);
      exactChecks(parseExactBaseline(EXACT, FILE), baseline, FILE);
      const written = exactBaselineText(baseline);
      expect(exactBaselineText(parseExactBaseline(written, FILE))).toBe(written);
    },
    refusals: [RegressError],
    namesFile: true,
  },
  {
    name: 'ratio baseline',
    sound: [RATIOS],
    mutate: mutateJson,
    use: (text) => {
      const baseline = parseRatioBaseline(text, FILE);
      ratioBaselineText(baseline);
      thresholdChecks([parseThreshold('pps > 90% baseline')], {
        found: FIGURES,
        baseline: baseline.figures,
        notComparable: null,
      });
    },
    refusals: [RegressError],
    namesFile: true,
  },
  {
    name: 'result',
    sound: RESULTS,
    mutate: mutateJson,
    use: useResult,
    refusals: [ResultFileError],
    namesFile: true,
  },
  {
    name: 'filter',
    sound: EXPRESSIONS.filters,
    mutate: mutateText,
    use: (text) => {
      const test = compileFilter(text);
      for (const frame of frames) expect(typeof test(frame)).toBe('boolean');
    },
    refusals: [FilterError],
    namesFile: false,
  },
  {
    name: 'threshold',
    sound: EXPRESSIONS.thresholds,
    mutate: mutateText,
    use: (text) => {
      const threshold = parseThreshold(text);
      expect(threshold.limit).toBeGreaterThanOrEqual(0);
      thresholdChecks([threshold], { found: FIGURES, baseline: FIGURES, notComparable: null });
    },
    refusals: [ThresholdError],
    namesFile: false,
  },
  {
    name: 'rate profile',
    sound: EXPRESSIONS.profiles,
    mutate: mutateText,
    use: (text) => {
      const due = makeDueOfProfile({ points: parseProfile(text), shape: 'linear' });
      expect(due(1000)).toBeGreaterThanOrEqual(due(10));
    },
    refusals: [RangeError],
    namesFile: false,
  },
  {
    name: 'address map',
    sound: EXPRESSIONS.ipMaps,
    mutate: mutateText,
    use: parseIpMap,
    refusals: [RangeError],
    namesFile: false,
  },
];

/** Files weigh more than expressions. */
const DRAWN = KINDS.flatMap((kind) => (kind.namesFile ? [kind, kind, kind] : [kind]));

/** What is wrong with a refusal; null for one of ours that says where and what. */
function faultOf(error: unknown, kind: Kind): string | null {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const { message } = error;
  if (!kind.refusals.some((refusal) => error.constructor === refusal)) return error.stack ?? message;
  if (/call stack|cannot read|is not a function|is not iterable|\[object/i.test(message))
    return `refused with: ${message}`;
  if (message.length > MAX_MESSAGE)
    return `refused with ${message.length} characters: ${message.slice(0, 200)}`;
  if (kind.namesFile && !message.startsWith(FILE)) return `does not name the file: ${message}`;
  return null;
}

describe('damaged configuration, matrix, gate, baseline and result files, and expressions', () => {
  it.each(KINDS)('a sound $name is taken', async ({ sound, use }) => {
    expect(sound.length).toBeGreaterThan(0);
    for (const text of sound) await use(text);
  });

  it(
    `${FILES} mutated ones: a sound value or a refusal of ours, never anything else`,
    async () => {
      const random = new Random(SEED);
      const counts = new Map(KINDS.map(({ name }) => [name, { taken: 0, refused: 0 }]));
      const faults: string[] = [];
      let largestHeap = 0;
      let slowest = { ms: 0, file: '' };
      for (let index = 0; index < FILES && faults.length < 20; index += 1) {
        const kind = DRAWN[random.below(DRAWN.length)]!;
        const pick = (): string => kind.sound[random.below(kind.sound.length)]!;
        const text = kind.mutate(pick(), pick(), random);
        const began = performance.now();
        try {
          await kind.use(text);
          counts.get(kind.name)!.taken += 1;
        } catch (error) {
          counts.get(kind.name)!.refused += 1;
          const fault = faultOf(error, kind);
          if (fault !== null) faults.push(`file ${index}, ${kind.name}: ${fault}\n${text.slice(0, 2000)}`);
        }
        const ms = performance.now() - began;
        if (ms > slowest.ms) slowest = { ms, file: `file ${index}, ${kind.name}: ${text.slice(0, 200)}` };
        if (index % 256 === 0) largestHeap = Math.max(largestHeap, process.memoryUsage().heapUsed);
      }
      expect(faults).toEqual([]);
      // The mutator reaches both outcomes of every kind, else it would test little; few of few expressions are still sound.
      for (const [name, { taken, refused }] of counts) {
        expect([name, taken > 0 || FILES < FEW, refused > 0]).toEqual([name, true, true]);
      }
      expect(largestHeap).toBeLessThan(1 << 30);
      if (FUZZ_TELLS)
        console.log({ files: FILES, seed: SEED, largestHeap, slowest }, Object.fromEntries(counts));
    },
    TIMEOUT_MS,
  );
});
