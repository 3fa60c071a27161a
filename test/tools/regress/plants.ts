/** Regressions to plant in a clone of this repository: edits of its sources, and which gates are asked about each. */

/** One file changed. */
export interface Edit {
  readonly file: string;
  /** Must be there, once. */
  readonly find: string;
  readonly replace: string;
}

/** What is asked: a level with a configuration of its own. */
export interface Gate {
  readonly name: string;
  readonly args: readonly string[];
}

/** A regression, and the gates that are to hear it: each of `heard` in nine runs of ten. Those of `printed` are run with CTREPLAY_PLANTED_PRINTED=1, and what they find is only printed. */
export interface Plant {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly heard: readonly Gate[];
  readonly printed?: readonly Gate[];
  /** What the first gate's text must have, each in nine runs of ten: more than one where more was planted. */
  readonly named?: readonly RegExp[];
}

export const EXACT: Gate = { name: 'exact', args: ['--level', 'exact'] };

/** Level against with a configuration that the test has written. */
export function against(config: string): Gate {
  return {
    name: `against (${config})`,
    args: ['--config', `${config}.yaml`, '--level', 'against', '--against', 'HEAD~1'],
  };
}

const RULE = 'designs: [rculist-sweep]\n';
const ENGINE_ONLY =
  'against:\n  inputs: [{ scenario: established, parameters: { packets: 20000, active-flows: 200 } }]\nruns: { names: [] }\n';
/** One run, and a cell of the engine that takes no time: against has to have one. */
const whole = (run: string): string =>
  `${RULE}against:\n  rounds: 6\n  maxRounds: 6\n  inputs: [{ scenario: established, parameters: { packets: 320, active-flows: 4 } }]\nruns: { names: [${run}] }\n`;

/** Configurations by name. */
export const CONFIGS: Readonly<Record<string, string>> = {
  engine: RULE + ENGINE_ONLY,
  ...Object.fromEntries(['sweeps', 'locks', 'paced', 'expiry', 'loading'].map((run) => [run, whole(run)])),
};

const TRACKER = 'engine/assembly/conntrack/tracker.ts';
const SWEEP = 'engine/assembly/expiry/rculist-sweep.ts';
const MUTEX = 'engine/assembly/shm/mutex.ts';
const RUNNER = 'tools/replay/sweep-runner.ts';

const A_PACKET = '  countWork(W_PACKETS, 1);\n';
const MEMORY_MAP = "import { hashBasis, hasOneHold } from '../records/memory-map';";

/** Dependent additions and rotations, about two cycles each: together about a tenth of the time of an established packet. */
const SLOWER_STEPS = Number(process.env['CTREPLAY_PLANTED_STEPS'] ?? 48);

export const PLANTS: readonly Plant[] = [
  {
    name: 'an acquisition of ct_lock more a packet',
    edits: [
      {
        file: TRACKER,
        find: 'countWork, LC_CONN, W_PACKETS',
        replace: 'countWork, LC_CONN, LC_CT, W_PACKETS',
      },
      {
        file: TRACKER,
        find: MEMORY_MAP,
        replace: "import { C_CT_LOCK, CONTROL, hashBasis, hasOneHold } from '../records/memory-map';",
      },
      {
        file: TRACKER,
        find: A_PACKET,
        replace: `  lock(CONTROL + C_CT_LOCK, LC_CT);\n  unlock(CONTROL + C_CT_LOCK, LC_CT);\n${A_PACKET}`,
      },
    ],
    heard: [EXACT],
    named: [/locks\.ct_lock: .*\+1 per packet/],
  },
  {
    name: 'a cache line more a packet',
    edits: [
      {
        file: TRACKER,
        find: MEMORY_MAP,
        replace: "import { CONTROL, hashBasis, hasOneHold } from '../records/memory-map';",
      },
      {
        file: TRACKER,
        find: A_PACKET,
        // Between the fields of the control block, where nothing is.
        replace: `  store<u32>(CONTROL + 3072, load<u32>(CONTROL + 3072) + 1);\n${A_PACKET}`,
      },
    ],
    heard: [EXACT],
    printed: [against('engine')],
    named: [/lines\.\S+: .*\+1 per packet/],
  },
  {
    name: 'a quarter more bytes a connection',
    edits: [
      {
        file: 'engine/assembly/records/memory-map.ts',
        find: 'export const CONN_SIZE: usize = 128;',
        replace: 'export const CONN_SIZE: usize = 160;',
      },
    ],
    heard: [EXACT],
    named: [/memory\.connection: /],
  },
  {
    name: 'a spin in every thousandth packet',
    edits: [
      {
        file: TRACKER,
        find: A_PACKET,
        replace:
          '  if (++spinCount % 1000 == 0) for (let i: u32 = 0; i < 20_000; i++) spinSink = rotl<u32>(spinSink, 7) + i;\n' +
          A_PACKET,
      },
      {
        file: TRACKER,
        find: MEMORY_MAP,
        replace: `${MEMORY_MAP}\nlet spinCount: u32 = 0;\nlet spinSink: u32 = 0;`,
      },
    ],
    heard: [EXACT],
    printed: [against('paced')],
    named: [/mostLoopTurns\./],
  },
  {
    name: 'a sweep that holds ct_lock longer',
    edits: [
      {
        file: SWEEP,
        find: '    unlock(CONTROL + C_CT_LOCK, LC_CT);\n    if (preset != PRESET_V6) releaseAdmission(conn);\n    discard(conn);\n',
        replace:
          '    for (let i: u32 = 0; i < 200; i++) atomic.load<u32>(expiryBase + X_NEXT_LIST);\n    unlock(CONTROL + C_CT_LOCK, LC_CT);\n    if (preset != PRESET_V6) releaseAdmission(conn);\n    discard(conn);\n',
      },
    ],
    heard: [EXACT],
    printed: [against('sweeps')],
    named: [/heldAccesses\.ct_lock sweep: /],
  },
  {
    name: "a connection's lock given back later, for no more work",
    edits: [
      {
        file: TRACKER,
        find: '  unlock(conn + CO_LOCK, LC_CONN);\n  if (result == UPDATE_VALID) {\n    p.ctState = ((p.ctState | ST_EST) & ~ST_NEW) | (reply ? ST_RPL : 0);\n',
        replace:
          '  const valid = ((p.ctState | ST_EST) & ~ST_NEW) | (reply ? ST_RPL : 0);\n  if (result == UPDATE_VALID) p.ctState = valid;\n  unlock(conn + CO_LOCK, LC_CONN);\n  if (result == UPDATE_VALID) {\n',
      },
    ],
    heard: [EXACT],
    named: [/held(Accesses|Instructions)\.conn_lock est/],
  },
  {
    name: 'a mutex that backs off four times as long',
    edits: [
      { file: MUTEX, find: 'const PAUSE_READS: u32 = 90;', replace: 'const PAUSE_READS: u32 = 360;' },
      {
        file: MUTEX,
        find: 'const FIRST_BACKOFF_READS: u32 = 512;',
        replace: 'const FIRST_BACKOFF_READS: u32 = 2048;',
      },
      {
        file: MUTEX,
        find: 'const LONGEST_BACKOFF_READS: u32 = 4096;',
        replace: 'const LONGEST_BACKOFF_READS: u32 = 16384;',
      },
    ],
    heard: [EXACT],
    printed: [against('locks')],
    named: [/lockTurns\./],
  },
  {
    name: 'a sweep every 40 s instead of 20',
    edits: [
      { file: SWEEP, find: 'const INTERVAL_MS: i64 = 20_000;', replace: 'const INTERVAL_MS: i64 = 40_000;' },
    ],
    heard: [EXACT],
    printed: [against('expiry')],
    named: [/lagMs\.|work\.sweeps/],
  },
  {
    name: 'a sweeper thread that comes half as often',
    edits: [
      {
        file: RUNNER,
        find: 'this.dueMs = nowMs + exports.sweepDelayMs();',
        replace: 'this.dueMs = nowMs + 2 * exports.sweepDelayMs();',
      },
    ],
    heard: [against('expiry')],
  },
  {
    name: 'a slower refresh',
    edits: [
      {
        file: SWEEP,
        find: '    countWork(W_REFRESHES, 1);\n',
        replace:
          `    let mixed: u64 = <u64>now;\n    for (let i: u32 = 0; i < ${SLOWER_STEPS}; i++) mixed = rotl<u64>(mixed + i, 7);\n` +
          // Never so, but the compiler does not know.
          '    if (mixed == 0x9e3779b97f4a7c15) store<u32>(expiryBase, 0, X_NEXT_LIST);\n    countWork(W_REFRESHES, 1);\n',
      },
    ],
    heard: [EXACT, against('engine')],
    named: [/loopTurns\./],
  },
  {
    // Each in a path of its own, with a figure of its own: one gate is asked about all three, since it takes minutes.
    name: 'slower loading of captures: through pcap-parser, by blocks, and placing',
    edits: [
      {
        file: 'tools/captures/reader.ts',
        find: '      if (batch === null) break;\n',
        replace:
          '      if (batch === null) break;\n      let spun = 0;\n' +
          '      for (let i = 0; i < 400 * batch.length; i++) spun = (spun * 31 + i) | 0;\n' +
          // Never so, but the compiler does not know.
          '      if (spun === 1.5) break;\n',
      },
      {
        file: 'tools/captures/pcap-walk.ts',
        find: '    count += 1;\n    at = next;\n',
        replace:
          '    count += 1;\n    at = next;\n    let spun = 0;\n' +
          '    for (let i = 0; i < 40; i++) spun = (spun * 31 + i) | 0;\n' +
          // Never so, but the compiler does not know.
          '    if (spun === 1.5) break;\n',
      },
      {
        file: 'engine/assembly/wire/place.ts',
        find: '    copyFrame(start, frame, length);\n',
        replace:
          '    let spun: u32 = length;\n' +
          '    for (let i = 0; i < 160; i++) spun = spun * 31 + i;\n' +
          // Never so, but the compiler does not know.
          '    if (spun == 0) break;\n' +
          '    copyFrame(start, frame, length);\n',
      },
    ],
    heard: [against('loading')],
    named: ['parse-pcap', 'walk', 'place'].map((name) => new RegExp(`REGRESSION +host, loading: ${name}, `)),
  },
];

/** Something that changes nothing that runs. */
export const REMARK: Plant = {
  name: 'a remark',
  edits: [
    { file: SWEEP, find: 'export const N_EXP_LISTS', replace: '// A remark.\nexport const N_EXP_LISTS' },
    { file: RUNNER, find: '    this.count++;\n', replace: '    // A remark.\n    this.count++;\n' },
  ],
  heard: [],
};
