/** How the connections of an input share its packets, as far as its parameters show. */
import type { ResultCase } from '../result/schema.js';

/** Connections with a share of their own; those beyond are rare enough never to meet. */
const MOST_RANKS = 200;

/** Shares of the packets of the most popular connections, largest first, at most 1 in sum. */
export function connectionPopularity(entry: ResultCase): number[] {
  const parameters = entry.input.parameters ?? {};
  const number = (name: string): number | null => {
    const value = parameters[name];
    return typeof value === 'number' ? value : null;
  };
  const connections = Math.max(1, Math.round(number('active-flows') ?? entry.connections?.peak ?? 1));
  const elephants = number('elephants');
  const elephantShare = number('elephant-share');
  if (elephants !== null && elephantShare !== null && elephants > 0) {
    return Array.from({ length: Math.min(elephants, MOST_RANKS) }, () => elephantShare / elephants);
  }
  const exponent = parameters['distribution'] === 'zipf' ? (number('zipf-exponent') ?? 1) : 0;
  return zipfShares(connections, exponent).slice(0, MOST_RANKS);
}

/** Shares of ranks 1..count under Zipf's law; exponent 0 is uniform. They are 1 in sum. */
export function zipfShares(count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
