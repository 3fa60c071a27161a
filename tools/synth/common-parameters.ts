/** Parameters that several scenarios share, worded once. */
import { mixPair32 } from '../random/random.js';
import type { Random } from '../random/random.js';
import type { NumberParameter } from './parameters.js';

export function activeFlowsParameter(defaultCount: number, what: string): NumberParameter {
  return {
    name: 'active-flows',
    unit: 'connections',
    kind: 'integer',
    default: defaultCount,
    min: 1,
    max: 4_000_000,
    description: `${what} at once`,
  };
}

export function cpsParameter(otherwise: string): NumberParameter {
  return {
    name: 'cps',
    unit: 'connections/s',
    kind: 'real',
    default: null,
    min: 0.001,
    max: 1e9,
    description: `new connections per second, independent of --pps; default: ${otherwise}`,
  };
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
  return {
    name,
    unit: `share of ${ofWhat}`,
    kind: 'real',
    default: defaultShare,
    min: 0,
    max: 1,
    description,
  };
}

export function bytesParameter(
  name: string,
  defaultBytes: number,
  min: number,
  max: number,
  description: string,
): NumberParameter {
  return { name, unit: 'bytes', kind: 'integer', default: defaultBytes, min, max, description };
}

/**
 * A decision per flow that needs no memory: true for about `share` of the flow numbers, always the same for one flow.
 */
export function flowChooser(random: Random, label: string, share: number): (flowIndex: number) => boolean {
  const key = random.derive(label).u32();
  const bound = share * 2 ** 32;
  return (flowIndex) => mixPair32(key, flowIndex) < bound;
}
