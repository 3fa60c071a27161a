/** A Tracker set up by a configuration file. */
import type { DesignChoice } from '../../engine/host/designs.js';
import type { Flavour } from '../../engine/host/module.js';
import { Tracker } from '../../engine/host/tracker.js';
import { applyConfig, configSettings } from '../config/apply-config.js';
import type { TrackerConfig } from '../config/read-config.js';
import { loadEngine } from '../../engine/host/module.js';

const SLAB_SLOTS = 1 << 20;

/** What may be chosen besides design and configuration. */
export interface TrackerChoices {
  readonly flavour?: Flavour | undefined;
  readonly seed?: number | undefined;
  /** Records that the table can hold; default a million. */
  readonly slabSlots?: number | undefined;
}

/**
 * A tracker of this design with the configuration's settings, limits and policies.
 * @throws EngineError, ConfigError
 */
export function configuredTracker(
  choice: DesignChoice,
  config: TrackerConfig,
  choices: TrackerChoices = {},
): Tracker {
  const settings = configSettings(config);
  const flavour = choices.flavour ?? 'bare';
  const presets = loadEngine(choice.design, flavour).presets;
  const preset = choice.preset ?? (Object.keys(presets).length === 0 ? null : (settings.preset ?? null));
  const tracker = Tracker.create({
    design: choice.design,
    preset,
    flavour,
    slabSlots: choices.slabSlots ?? SLAB_SLOTS,
    seed: choices.seed,
    connLimit: settings.connLimit,
    tcpSeqCheck: settings.tcpSeqCheck,
    switches: settings.switches,
    fragments: settings.fragments,
    sweepIntervalMs: settings.sweepIntervalMs,
  });
  applyConfig(tracker, config);
  return tracker;
}
