/** Several scenarios at once, their packets interleaved by weight. */
import { nearestName } from '../../text/nearest-name.js';
import { parseNumber } from '../../text/quantities.js';
import { resolveParameters, ScenarioError } from '../parameters.js';
import type { ParameterValue, ParameterValues } from '../parameters.js';
import { Random } from '../../random/random.js';
import { COMMON_PARAMETERS, TimedSource } from '../scenario.js';
import type { PacketGenerator, Scenario, SuggestedConfig } from '../scenario.js';

const MAX_WEIGHT = 1e9;

interface Part {
  scenario: Scenario;
  share: number;
  parameters: ParameterValues;
}

class MixSource extends TimedSource {
  readonly maxFrameLength: number;
  readonly #sources: readonly PacketGenerator[];
  readonly #shares: readonly number[];
  readonly #credits: number[];

  constructor(parameters: ParameterValues, parts: readonly Part[], seed: number) {
    super(parameters);
    const random = new Random(seed).derive('mix');
    this.#sources = parts.map((part) =>
      part.scenario.generate(part.parameters, random.derive(part.scenario.name).seed),
    );
    this.#shares = parts.map((part) => part.share);
    this.#credits = parts.map(() => 0);
    this.maxFrameLength = Math.max(...this.#sources.map((source) => source.maxFrameLength));
  }

  protected write(into: Uint8Array, at: number): number {
    const turn = this.#nextTurn();
    const source = this.#sources[turn]!;
    const length = source.next(into, at);
    // One number per flow over all parts.
    this.flowIndex = (source.flowIndex * this.#sources.length + turn) >>> 0;
    return length;
  }

  /** Smooth weighted round-robin: exact shares over any stretch, without bursts and without chance. */
  #nextTurn(): number {
    let best = 0;
    for (let i = 0; i < this.#shares.length; i++) {
      this.#credits[i] = this.#credits[i]! + this.#shares[i]!;
      if (this.#credits[i]! > this.#credits[best]!) best = i;
    }
    this.#credits[best] = this.#credits[best]! - 1;
    return best;
  }
}

/** `name=weight,name=weight`. @throws ScenarioError naming the part that is wrong */
function parseWeights(text: string, candidates: readonly Scenario[]): Map<Scenario, number> {
  const weights = new Map<Scenario, number>();
  for (const part of text.split(',')) {
    const [name = '', weightText = '', ...more] = part.split('=').map((piece) => piece.trim());
    const scenario = candidates.find((candidate) => candidate.name === name);
    if (scenario === undefined) {
      const names = candidates.map((candidate) => candidate.name);
      const near = nearestName(name, names);
      const hint = near === null ? `choose from ${names.join(', ')}` : `did you mean ${near}?`;
      throw new ScenarioError(`scenario mix: --mix names '${name}', which cannot be mixed; ${hint}`);
    }
    const weight = parseNumber(weightText);
    if (!(weight > 0 && weight <= MAX_WEIGHT) || more.length > 0) {
      throw new ScenarioError(
        `scenario mix: --mix has '${part}'; write it as ${name}=WEIGHT with a weight above 0, at most ${MAX_WEIGHT}`,
      );
    }
    if (weights.has(scenario)) {
      throw new ScenarioError(
        `scenario mix: --mix names ${name} twice, and both would use the same connections`,
      );
    }
    weights.set(scenario, weight);
  }
  return weights;
}

/** `scenario.parameter=value,...` by scenario name. @throws ScenarioError naming the setting that is wrong */
function parseSettings(text: string, names: readonly string[]): Map<string, Record<string, ParameterValue>> {
  const settings = new Map<string, Record<string, ParameterValue>>();
  for (const setting of text === '' ? [] : text.split(',')) {
    const match = /^\s*([^.=]+)\.([^.=]+)=(.*)$/.exec(setting);
    if (match === null) {
      throw new ScenarioError(`scenario mix: --with has '${setting}'; write it as SCENARIO.PARAMETER=VALUE`);
    }
    const [, name = '', parameter = '', value = ''] = match;
    if (!names.includes(name)) {
      throw new ScenarioError(
        `scenario mix: --with sets '${setting}', but --mix holds only ${names.join(', ')}`,
      );
    }
    if (parameter === 'packets' || parameter === 'pps') {
      throw new ScenarioError(
        `scenario mix: --with sets '${setting}', but a part's ${parameter} follow from its weight`,
      );
    }
    settings.set(name, { ...settings.get(name), [parameter]: value.trim() });
  }
  return settings;
}

function partsOf(parameters: ParameterValues, candidates: readonly Scenario[]): Part[] {
  const weights = parseWeights(parameters.text('mix'), candidates);
  const names = [...weights.keys()].map((scenario) => scenario.name);
  const settings = parseSettings(parameters.text('with'), names);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return [...weights].map(([scenario, weight]) => {
    const share = weight / total;
    const given = { ...settings.get(scenario.name), packets: parameters.number('packets') };
    const rate = { pps: Math.max(0.001, parameters.number('pps') * share) };
    return {
      scenario,
      share,
      parameters: resolveParameters(scenario.name, scenario.parameters, { ...given, ...rate }),
    };
  });
}

/** What the parts suggest, together: translations and zones of each are for its own hosts and VLANs only. */
function mergedConfig(parts: readonly Part[]): SuggestedConfig | null {
  let merged: SuggestedConfig | null = null;
  for (const { scenario, parameters } of parts) {
    const config = scenario.suggestedConfig?.(parameters, parts.length > 1) ?? null;
    if (config === null) continue;
    const named = { ...config, reason: `${scenario.name}: ${config.reason}` };
    merged = merged === null ? named : joined(merged, named);
  }
  return merged;
}

function joined(first: SuggestedConfig, second: SuggestedConfig): SuggestedConfig {
  // Every scenario numbers its policies from 1.
  const before = first.policies?.length ?? 0;
  const nat = (second.nat ?? []).map((rule) =>
    rule.policyId === undefined ? rule : { ...rule, policyId: before + rule.policyId },
  );
  const policies = (second.policies ?? []).map((policy) => ({ ...policy, id: before + policy.id }));
  const zonePolicies = (second.zonePolicies ?? []).map(({ zone, policyId }) => ({
    zone,
    policyId: before + policyId,
  }));
  return {
    ...first,
    ...second,
    reason: `${first.reason}; ${second.reason}`,
    nat: [...(first.nat ?? []), ...nat],
    policies: [...(first.policies ?? []), ...policies],
    zonePolicies: [...(first.zonePolicies ?? []), ...zonePolicies],
  };
}

/** The scenario `mix` over the given others. */
export function createMix(candidates: readonly Scenario[]): Scenario {
  return {
    name: 'mix',
    summary: 'several scenarios at once, their packets interleaved by weight',
    parameters: [
      ...COMMON_PARAMETERS,
      {
        name: 'mix',
        unit: 'name=weight,...',
        kind: 'text',
        default: 'syn-flood=1,established=9',
        description: 'scenarios and the weights of their packets',
      },
      {
        name: 'with',
        unit: 'name.parameter=value,...',
        kind: 'text',
        default: '',
        description: 'parameters of the parts, such as established.active-flows=1000',
      },
    ],
    generate: (parameters, seed) => new MixSource(parameters, partsOf(parameters, candidates), seed),
    suggestedConfig: (parameters) => mergedConfig(partsOf(parameters, candidates)),
  };
}
