/** A Tracker set up by a configuration file. */
import type { DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import { Tracker, type TrackerOptions } from '../../engine/host/tracker.js';
import { applyConfig, configSettings } from '../config/apply-config.js';
import { presetOf } from '../config/engine-settings.js';
import type { TrackerConfig } from '../config/read-config.js';

const SLAB_SLOTS = 1 << 20;

/** What may be chosen besides design and configuration; room for a million records where it says nothing else. */
export type TrackerChoices = Pick<
  TrackerOptions,
  'flavour' | 'seed' | 'hashBasis' | 'slabSlots' | 'touchAhead' | 'trace' | 'wasmFolder'
>;

/**
 * A tracker of this design with the configuration's settings, limits and policies.
 * @throws EngineError, ConfigError
 */
export function configuredTracker(
  choice: DesignChoice,
  config: TrackerConfig,
  choices: TrackerChoices = {},
): Tracker {
  const flavour = choices.flavour ?? 'bare';
  const { presets } = loadEngine(choice.design, flavour, choices.wasmFolder);
  const tracker = Tracker.create({
    slabSlots: SLAB_SLOTS,
    ...choices,
    ...configSettings(config),
    design: choice.design,
    preset: presetOf(choice, config, presets),
    flavour,
  });
  applyConfig(tracker, config);
  return tracker;
}
