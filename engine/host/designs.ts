import { EngineError } from './engine-error.js';
import { compiledDesigns } from './module.js';

/** A design, and the preset to run it with; null is the design's own default. */
export interface DesignChoice {
  readonly design: string;
  readonly preset: string | null;
}

/** What the designs that come with ctreplay are, for help texts. Any other compiled design is usable too. */
const DESIGN_DESCRIPTIONS: Readonly<Record<string, string>> = {
  'timeout-lists':
    'one expiration list per timeout class under one global lock (Open vSwitch until July 2022)',
  'rculist-sweep': 'a hundred lists swept without a lock (Open vSwitch since July 2022)',
  'narrow-insert': 'rculist-sweep that takes the global lock only to insert a prepared connection',
};

/**
 * Every design that can be chosen, the well-known ones first. Designs named `test-...` exist for tests only and have
 * to be named to be used.
 */
export function availableDesigns(compiled: readonly string[] = compiledDesigns()): string[] {
  const known = Object.keys(DESIGN_DESCRIPTIONS).filter((name) => compiled.includes(name));
  const others = compiled.filter((name) => !(name in DESIGN_DESCRIPTIONS) && !name.startsWith('test-'));
  return [...known, ...others];
}

/**
 * The designs that a `--design` option names: `all`, one name, or several joined by commas; a name may carry a preset,
 * as in `rculist-sweep@v7`.
 * @throws EngineError naming the unknown design and those that exist
 */
export function resolveDesigns(
  option: string,
  compiled: readonly string[] = compiledDesigns(),
): DesignChoice[] {
  const available = availableDesigns(compiled);
  if (available.length === 0) {
    throw new EngineError({ reason: 'no design has been compiled', advice: "Run 'npm run build'." });
  }
  const choices = option.split(',').flatMap((part): DesignChoice[] => {
    const [name = '', preset = null] = part.trim().split('@', 2);
    if (name === 'all') return available.map((design) => ({ design, preset: null }));
    if (!compiled.includes(name)) {
      throw new EngineError({
        reason: `there is no design '${name}'`,
        advice: `Choose one of ${available.join(', ')}, or all.`,
      });
    }
    return [{ design: name, preset }];
  });
  const seen = new Set<string>();
  return choices.filter((choice) => {
    const key = designLabel(choice);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** `rculist-sweep@v7`, or the bare name when the preset is the design's own. */
export function designLabel(choice: DesignChoice): string {
  return choice.preset === null ? choice.design : `${choice.design}@${choice.preset}`;
}

/**
 * Number of a preset; 0 is the design's own default.
 * @throws EngineError naming the presets that the design has
 */
export function presetNumber(choice: DesignChoice, presets: Readonly<Record<string, number>>): number {
  if (choice.preset === null) return 0;
  const number = presets[choice.preset];
  if (number !== undefined) return number;
  const names = Object.keys(presets);
  throw new EngineError({
    design: choice.design,
    reason: `there is no preset '${choice.preset}'`,
    advice: names.length === 0 ? 'This design has no presets.' : `Choose one of ${names.join(', ')}.`,
  });
}
