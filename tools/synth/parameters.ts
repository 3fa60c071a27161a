/** Parameters of a scenario: what they are called, what they may be, and how text becomes a value. */
import { nearestName } from '../text/nearest-name.js';
import { parseNumber } from '../text/quantities.js';

/** A scenario that cannot run as asked. The message names scenario, parameter, value and remedy: a usage error. */
export class ScenarioError extends Error {
  /** Exit code of the command line for this error: wrong usage. */
  readonly exitCode = 2;

  constructor(message: string) {
    super(message);
    this.name = 'ScenarioError';
  }
}

interface ParameterBase {
  /** As on the command line without its dashes: `active-flows`. */
  readonly name: string;
  /** Unit of the value, empty for a bare number or word. */
  readonly unit: string;
  readonly description: string;
}

/** A number. `default: null` means that the scenario derives it; the description says how. */
export interface NumberParameter extends ParameterBase {
  readonly kind: 'integer' | 'real';
  readonly default: number | null;
  readonly min: number;
  readonly max: number;
}

/** One of a few words. */
export interface ChoiceParameter extends ParameterBase {
  readonly kind: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
}

/** Free text that the scenario parses itself. */
export interface TextParameter extends ParameterBase {
  readonly kind: 'text';
  readonly default: string;
}

export type ParameterSpec = NumberParameter | ChoiceParameter | TextParameter;

/** A parameter's value; null is "derive it". */
export type ParameterValue = number | string | null;

/** The complete, checked parameters of one scenario. */
export class ParameterValues {
  readonly scenarioName: string;
  readonly #values: ReadonlyMap<string, ParameterValue>;

  constructor(scenarioName: string, values: ReadonlyMap<string, ParameterValue>) {
    this.scenarioName = scenarioName;
    this.#values = values;
  }

  /** A number with a default. */
  number(name: string): number {
    const value = this.#get(name);
    if (typeof value !== 'number') throw new TypeError(`${this.scenarioName}: --${name} is no number`);
    return value;
  }

  /** A number, or null where it was left to the scenario. */
  numberOrNull(name: string): number | null {
    return this.#get(name) === null ? null : this.number(name);
  }

  text(name: string): string {
    const value = this.#get(name);
    if (typeof value !== 'string') throw new TypeError(`${this.scenarioName}: --${name} is no text`);
    return value;
  }

  /** Every value by name, for the record of a run. */
  toObject(): Record<string, ParameterValue> {
    return Object.fromEntries(this.#values);
  }

  #get(name: string): ParameterValue {
    const value = this.#values.get(name);
    if (value === undefined) throw new TypeError(`${this.scenarioName} declares no parameter '${name}'`);
    return value;
  }
}

/**
 * Checks what was given and fills in the defaults.
 *
 * @param given values by parameter name (`active-flows`), as numbers or as command-line text
 * @throws ScenarioError naming the parameter, its value and what is allowed
 */
export function resolveParameters(
  scenarioName: string,
  specs: readonly ParameterSpec[],
  given: Readonly<Record<string, ParameterValue | undefined>>,
): ParameterValues {
  const values = new Map<string, ParameterValue>();
  for (const name of Object.keys(given)) {
    if (!specs.some((spec) => spec.name === name)) throw unknownParameter(scenarioName, specs, name);
  }
  for (const spec of specs) {
    const value = given[spec.name];
    values.set(spec.name, value === undefined ? spec.default : checkedValue(scenarioName, spec, value));
  }
  return new ParameterValues(scenarioName, values);
}

/** The error for a parameter that a scenario does not have, with the nearest one that it has. */
function unknownParameter(
  scenarioName: string,
  specs: readonly ParameterSpec[],
  name: string,
): ScenarioError {
  const names = specs.map((spec) => spec.name);
  const near = nearestName(name, names);
  const hint =
    near === null ? `its parameters are ${names.map((n) => `--${n}`).join(', ')}` : `did you mean --${near}?`;
  return new ScenarioError(`scenario ${scenarioName} has no parameter --${name}; ${hint}`);
}

function checkedValue(scenarioName: string, spec: ParameterSpec, value: ParameterValue): ParameterValue {
  if (value === null) {
    if (spec.default === null) return null;
    throw new ScenarioError(`scenario ${scenarioName}: --${spec.name} needs a value`);
  }
  if (spec.kind === 'text') return String(value);
  if (spec.kind === 'choice') {
    if (spec.choices.includes(String(value))) return String(value);
    const near = nearestName(String(value), spec.choices);
    const hint = near === null ? '' : `; did you mean ${near}?`;
    throw new ScenarioError(
      `scenario ${scenarioName}: --${spec.name} is '${value}', not one of ${spec.choices.join(', ')}${hint}`,
    );
  }
  const number = typeof value === 'number' ? value : parseNumber(value);
  const kind = spec.kind === 'integer' ? 'an integer' : 'a number';
  const wrong = Number.isNaN(number) || (spec.kind === 'integer' && !Number.isInteger(number));
  if (wrong || number < spec.min || number > spec.max) {
    const unit = spec.unit === '' ? '' : ` ${spec.unit}`;
    throw new ScenarioError(
      `scenario ${scenarioName}: --${spec.name} is '${value}', not ${kind} from ${spec.min} to ${spec.max}${unit}`,
    );
  }
  return number;
}
