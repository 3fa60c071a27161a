import { compiledDesigns, manifestOf } from './design-traits.js';
import { EngineError } from './engine-error.js';

/** A design, and the preset to run it with; null is the design's own default. */
export interface DesignChoice {
  readonly design: string;
  readonly preset: string | null;
}

/** The designs that are compared when nobody says which: the one before the patch and the one after it. */
export const DEFAULT_DESIGNS: readonly [string, string] = ['timeout-lists', 'rculist-sweep'];

/** The design that answers when nobody says which, and with whose module everything is done that is alike in all. */
export const DEFAULT_DESIGN = DEFAULT_DESIGNS[1];

/** A design as far as choosing it goes. */
export interface DesignEntry {
  readonly name: string;
  /** Place in lists. */
  readonly order: number;
  /** It has to be named to be used. */
  readonly testsOnly: boolean;
}

/** Every compiled design. */
function designEntries(): DesignEntry[] {
  return compiledDesigns().map((name) => {
    const { traits, testsOnly } = manifestOf(name);
    return { name, order: traits.order, testsOnly };
  });
}

/** Every design that can be chosen, in the order of lists. Those for tests have to be named. */
export function availableDesigns(entries: readonly DesignEntry[] = designEntries()): string[] {
  return entries
    .filter(({ testsOnly }) => !testsOnly)
    .toSorted((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/**
 * The designs that a `--design` option names: `all`, one name, or several joined by commas; a name may carry a preset,
 * as in `rculist-sweep@v7`.
 * @throws EngineError naming the unknown design and those that exist
 */
export function resolveDesigns(
  option: string,
  entries: readonly DesignEntry[] = designEntries(),
): DesignChoice[] {
  const available = availableDesigns(entries);
  if (available.length === 0) {
    throw new EngineError({ reason: 'no design has been compiled', advice: "Run 'npm run build'." });
  }
  const choices = option.split(',').flatMap((part): DesignChoice[] => {
    const [name = '', ...behind] = part.trim().split('@');
    const preset = behind.length === 0 ? null : behind.join('@');
    if (name === 'all' && preset === null) return available.map((design) => ({ design, preset: null }));
    if (name === 'all') {
      throw new EngineError({
        reason: `'${part.trim()}' names no design: a preset belongs to a design`,
        advice: `Name the designs that have it, as in ${DEFAULT_DESIGN}@${preset}.`,
      });
    }
    if (!entries.some((entry) => entry.name === name)) {
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
