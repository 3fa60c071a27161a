/** The ready-made matrices, of which `bench --preset NAME` runs one. */
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import { MatrixError, type MatrixSpecInput } from './matrix-spec.js';

/** A matrix with a name. */
export interface ReadyMatrix {
  readonly name: string;
  readonly summary: string;
  readonly matrix: MatrixSpecInput;
}

const BOTH = [...DEFAULT_DESIGNS];

/** All of them. */
export const READY_MATRICES: readonly ReadyMatrix[] = [
  {
    name: 'smoke',
    summary: 'does the bench work here? two scenarios, both designs, under 20 s; too short for findings',
    matrix: {
      inputs: [
        { scenario: 'syn-flood', parameters: { packets: 60_000 } },
        { scenario: 'established', parameters: { packets: 120_000 } },
      ],
      designs: BOTH,
      workers: [1],
      sessions: 3,
      trials: 1,
      warmupBlocks: 0,
      warmupPackets: 10_000,
    },
  },
  {
    name: 'demo',
    summary: 'the two designs on four scenarios with 1 and 2 workers, a few minutes',
    matrix: {
      inputs: [
        { scenario: 'established', parameters: { packets: 400_000 } },
        { scenario: 'syn-flood', parameters: { packets: 300_000 } },
        { scenario: 'tcp-crr', parameters: { packets: 300_000 } },
        { scenario: 'udp-churn', parameters: { packets: 300_000 } },
      ],
      designs: BOTH,
      workers: [1, 2],
      sessions: 7,
      trials: 3,
    },
  },
  {
    name: 'paper',
    summary: 'the whole story of the two designs: six kinds of traffic, 1 to 8 workers',
    matrix: {
      inputs: [
        // Enough packets for half a second or more: a shorter run meets one phase of the machine.
        { scenario: 'syn-flood', parameters: { packets: 1_000_000 } },
        { scenario: 'nat-exhaustion', parameters: { packets: 300_000 } },
        { scenario: 'ftp-alg', parameters: { packets: 1_000_000 } },
        { scenario: 'established', parameters: { packets: 2_000_000 } },
        { name: 'churn', scenario: 'udp-churn', parameters: { packets: 1_000_000 } },
        // Tracker time runs 40 times faster, so that a trial spans both timeouts and many sweeps; the rate leaves the
        // sweeper a CPU, or the figures would be about that.
        {
          scenario: 'zone-policies',
          parameters: { packets: 150_000, 'short-timeout': 1, 'long-timeout': 20 },
          timeScale: 40,
          sweepIntervalMs: 2000,
          rates: ['100k'],
        },
      ],
      designs: BOTH,
      workers: [1, 2, 4, 8],
      // Many comparisons to correct for: sessions tell more of them than trials.
      sessions: 10,
      trials: 2,
    },
  },
];

/** @throws MatrixError naming those there are */
export function findReadyMatrix(name: string): ReadyMatrix {
  const found = READY_MATRICES.find((ready) => ready.name === name);
  if (found !== undefined) return found;
  throw new MatrixError(
    `--preset: there is no ready-made matrix '${name}'; choose ${READY_MATRICES.map((ready) => ready.name).join(', ')}, or write a bench.yaml`,
  );
}
