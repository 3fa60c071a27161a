/**
 * Model of the wheel's requests (engine/assembly/expiry/timing-wheel.ts): packets shorten what a connection has left and ask for a look,
 * the sweeper takes the requests and moves the connection to an earlier slot. One connection, one request bit.
 */
import { Program, type Model, type Next } from './program.js';

export type RequestFault =
  /** The sweeper takes the request back after it has looked at the connection. */
  | 'late-take'
  /** The sweeper reads the expiration before it takes the request. */
  | 'early-read';

export interface RequestOptions {
  /** Expirations, in ticks, that each packet leaves, all before TICKS. */
  readonly packets: readonly number[];
  /** Passes of the sweeper. */
  readonly passes: number;
  /** A packet that gives the connection more time again, to this tick; absent = none. */
  readonly longer?: number;
  readonly fault?: RequestFault;
}

/** Where the connection is in the wheel at the start, and its expiration. */
const TICKS = 9;
const LOCK = 0;
const EXPIRATION = 1;
const PLACE = 2;
const REQUEST = 3;
/** What the sweeper has read. */
const READ = 4;

export function requestModel(options: RequestOptions): Model {
  const { packets, passes, longer } = options;
  const all = longer === undefined ? packets : [...packets, longer];
  return {
    name: `requests: ${all.length} packets, ${passes} passes`,
    initial: [0, TICKS, TICKS, 0, 0],
    threads: [sweeperProgram(options), ...all.map(packetProgram)],
    invariant: () => null,
    final: (s) =>
      (s[PLACE] as number) > (s[EXPIRATION] as number) && s[REQUEST] === 0
        ? `due at ${s[EXPIRATION]}, looked at at ${s[PLACE]}, and nobody has asked`
        : null,
  };
}

const isFree = { isEnabled: (s: readonly number[]): boolean => s[LOCK] === 0 };

function packetProgram(expiration: number): Program {
  return new Program()
    .add(
      'S_LOCK_TRY',
      (s): Next => {
        s[LOCK] = 1;
        const shortens = expiration < (s[EXPIRATION] as number);
        s[EXPIRATION] = expiration;
        if (!shortens || expiration >= (s[PLACE] as number)) return 'done';
      },
      isFree,
    )
    .add('S_REQUEST_SET', (s) => void (s[REQUEST] = 1))
    .label('done')
    .add('S_UNLOCK', (s) => void (s[LOCK] = 0));
}

function sweeperProgram({ passes, fault }: RequestOptions): Program {
  const program = new Program();
  for (let pass = 0; pass < passes; pass++) {
    const over = `pass ${pass} is over`;
    const take = (): void => void program.add('S_REQUEST_TAKE', (s) => void (s[REQUEST] = 0));
    if (fault === 'early-read') program.add('(read)', (s) => void (s[READ] = s[EXPIRATION] as number));
    program.add('S_REQUEST_LOOK', (s): Next => (s[REQUEST] === 0 ? over : undefined));
    if (fault !== 'late-take') take();
    program.add(
      'S_LOCK_TRY',
      (s) => {
        s[LOCK] = 1;
        if (fault !== 'early-read') s[READ] = s[EXPIRATION] as number;
        s[PLACE] = Math.min(s[PLACE] as number, s[READ] as number);
      },
      isFree,
    );
    program.add('S_UNLOCK', (s) => void (s[LOCK] = 0));
    if (fault === 'late-take') take();
    program.label(over).local(() => {});
  }
  return program;
}
