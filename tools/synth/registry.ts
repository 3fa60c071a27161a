/** All scenarios by name. A new one is a file in scenarios/ and a line here. */
import { nearestName } from '../text/nearest-name.js';
import { resolveParameters, ScenarioError } from './parameters.js';
import type { ParameterValue, ParameterValues } from './parameters.js';
import type { PacketGenerator, Scenario, SuggestedConfig } from './scenario.js';
import { elephantsAndMice } from './scenarios/elephants-and-mice.js';
import { established } from './scenarios/established.js';
import { fragments } from './scenarios/fragments.js';
import { ftpAlg } from './scenarios/ftp-alg.js';
import { icmpMix } from './scenarios/icmp-mix.js';
import { createMix } from './scenarios/mix.js';
import { natExhaustion } from './scenarios/nat-exhaustion.js';
import { ovsBenchmark } from './scenarios/ovs-benchmark.js';
import { portScan } from './scenarios/port-scan.js';
import { synFlood } from './scenarios/syn-flood.js';
import { tcpCrr } from './scenarios/tcp-crr.js';
import { udpChurn } from './scenarios/udp-churn.js';
import { zonePolicies } from './scenarios/zone-policies.js';

const SINGLE_SCENARIOS: readonly Scenario[] = [
  synFlood,
  natExhaustion,
  ftpAlg,
  udpChurn,
  tcpCrr,
  established,
  zonePolicies,
  portScan,
  icmpMix,
  fragments,
  elephantsAndMice,
  ovsBenchmark,
];

export const SCENARIOS: readonly Scenario[] = [...SINGLE_SCENARIOS, createMix(SINGLE_SCENARIOS)];

/** @throws ScenarioError naming the nearest scenario when there is none of this name */
export function findScenario(name: string): Scenario {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return scenario;
  const names = SCENARIOS.map((candidate) => candidate.name);
  const near = nearestName(name, names);
  const hint = near === null ? `the scenarios are ${names.join(', ')}` : `did you mean ${near}?`;
  throw new ScenarioError(`there is no scenario '${name}'; ${hint}`);
}

/** A scenario made ready: its packets, the parameters in force and what the tracker needs for it. */
export interface OpenedScenario {
  scenario: Scenario;
  parameters: ParameterValues;
  seed: number;
  source: PacketGenerator;
  suggestedConfig: SuggestedConfig | null;
}

/**
 * Finds a scenario, checks its parameters and makes its source of packets.
 *
 * @param given parameters by name (`active-flows`), as numbers or command-line text; the rest take their defaults
 * @throws ScenarioError for an unknown scenario or parameter, or a value out of range
 */
export function openScenario(
  name: string,
  given: Readonly<Record<string, ParameterValue | undefined>>,
  seed: number,
): OpenedScenario {
  const scenario = findScenario(name);
  const parameters = resolveParameters(name, scenario.parameters, given);
  const source = scenario.generate(parameters, seed);
  return {
    scenario,
    parameters,
    seed,
    source,
    suggestedConfig: scenario.suggestedConfig?.(parameters, false) ?? null,
  };
}
