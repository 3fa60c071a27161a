/** Parameters that several scenarios share, worded once. */
import { mixPair32 } from '../random/random.js';
import type { Random } from '../random/random.js';
import { ScenarioError } from './parameters.js';
import type { ChoiceParameter, NumberParameter, ParameterValues } from './parameters.js';

/** Default, smallest and largest value. */
type Values = readonly [number | null, number, number];

export function integerParameter(
  name: string,
  unit: string,
  values: Values,
  description: string,
): NumberParameter {
  return numberParameter('integer', name, unit, values, description);
}

export function realParameter(
  name: string,
  unit: string,
  values: Values,
  description: string,
): NumberParameter {
  return numberParameter('real', name, unit, values, description);
}

function numberParameter(
  kind: NumberParameter['kind'],
  name: string,
  unit: string,
  [fallback, min, max]: Values,
  description: string,
): NumberParameter {
  return { name, unit, kind, default: fallback, min, max, description };
}

/** @param choices the first is the default */
export function choiceParameter(
  name: string,
  choices: readonly [string, ...string[]],
  description: string,
): ChoiceParameter {
  return { name, unit: '', kind: 'choice', default: choices[0], choices, description };
}

export function activeFlowsParameter(defaultCount: number, what: string): NumberParameter {
  return integerParameter('active-flows', 'connections', [defaultCount, 1, 4_000_000], `${what} at once`);
}

export function cpsParameter(otherwise: string): NumberParameter {
  const description = `new connections per second, independent of --pps; default: ${otherwise}`;
  return realParameter('cps', 'connections/s', [null, 0.001, 1e9], description);
}

export function ip6ShareParameter(): NumberParameter {
  return shareParameter('ip6-share', 'connections', 0, 'connections over IPv6');
}

export function shareParameter(
  name: string,
  ofWhat: string,
  defaultShare: number,
  description: string,
): NumberParameter {
  return realParameter(name, `share of ${ofWhat}`, [defaultShare, 0, 1], description);
}

export function bytesParameter(
  name: string,
  defaultBytes: number,
  min: number,
  max: number,
  description: string,
): NumberParameter {
  return integerParameter(name, 'bytes', [defaultBytes, min, max], description);
}

/**
 * First port and number of ports, of `--first-port` and `--ports`.
 * @throws ScenarioError where they go beyond the last port
 */
export function portRange(parameters: ParameterValues): [number, number] {
  const first = parameters.number('first-port');
  const ports = parameters.number('ports');
  if (first + ports > 65536) {
    throw new ScenarioError(
      `scenario ${parameters.scenarioName}: --first-port ${first} and --ports ${ports} go beyond port 65535; lower one of them`,
    );
  }
  return [first, ports];
}

/**
 * A decision per flow that needs no memory: true for about `share` of the flow numbers, always the same for one flow.
 */
export function flowChooser(random: Random, label: string, share: number): (flowIndex: number) => boolean {
  const key = random.derive(label).u32();
  const bound = share * 2 ** 32;
  return (flowIndex) => mixPair32(key, flowIndex) < bound;
}
