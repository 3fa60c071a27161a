/** What an engine starts with under a configuration. Presets, and what comes from the seed, are decided here and nowhere else. */
import { presetNumber, type DesignChoice } from '../../engine/host/designs.js';
import type { EngineModule } from '../../engine/host/module.js';
import type { RunSettings } from '../../engine/host/run-memory.js';
import { configSettings } from './apply-config.js';
import type { TrackerConfig } from './read-config.js';

/** Basis of the tuple hash of a run with this seed. */
export function hashBasisOf(seed: number): number {
  return Math.imul(seed + 1, 0x9e3779b1) >>> 0;
}

/**
 * Name of the preset that a design runs with: the one that it was named with, else that of the configuration. A design without presets
 * runs as it is. Null = the design's own default.
 * @param presets those that the design has
 */
export function presetOf(
  { preset }: DesignChoice,
  { entries }: TrackerConfig,
  presets: Readonly<Record<string, number>>,
): string | null {
  if (preset !== null || Object.keys(presets).length === 0) return preset;
  return entries.sweep?.preset ?? null;
}

/**
 * Settings of an engine for one design, configuration and seed.
 * @throws EngineError for a preset that the design does not have
 */
export function engineSettings(
  { presets }: Pick<EngineModule, 'presets'>,
  choice: DesignChoice,
  config: TrackerConfig,
  seed: number,
): RunSettings {
  const preset = presetOf(choice, config, presets);
  return {
    ...configSettings(config),
    seed,
    hashBasis: hashBasisOf(seed),
    preset: presetNumber({ design: choice.design, preset }, presets),
  };
}
