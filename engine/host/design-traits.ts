import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from './engine-error.js';
import { wasmFolder } from './module.js';

/** Whose recorded clean-up passes are a design's own: wake-ups, and where a pass stops at its limit. */
const RECORDED_SWEEPS = ['none', 'old', 'new'] as const;
export type RecordedSweeps = (typeof RECORDED_SWEEPS)[number];

/** What a design declares of itself; engine/assembly/expiry/expiry.ts says what each means. */
export interface DesignTraits {
  readonly order: number;
  readonly ctLocksPerRefresh: number;
  readonly createsNarrowly: boolean;
  readonly expireRemoves: boolean;
  readonly dumpShowsExpired: boolean;
  readonly sweepLooksAtLiving: boolean;
  readonly hidesExpired: boolean;
  readonly sweepIntervalMs: number;
  readonly lagBoundMs: number;
  /** Null for a design without presets. */
  readonly defaultPreset: string | null;
  readonly recordedPreset: string | null;
  /** Presets of fewer acquisitions of the connection's lock a packet (engine/assembly/expiry/expiry.ts); null = there is none. */
  readonly atomicExpiryPreset: string | null;
  readonly oneHoldPreset: string | null;
  readonly recordedSweeps: RecordedSweeps;
  readonly lists: number;
  /** Bytes from the beginning of the design's own area. */
  readonly listsAt: number;
  readonly listIsClass: boolean;
  /** Most shards that creation is split into; 0 = none. */
  readonly shards: number;
}

/** A compiled design as it stands beside its modules (engine/design-sources.mjs writes it). */
export interface DesignManifest {
  /** For tests: it has to be named to be used. */
  readonly testsOnly: boolean;
  readonly traits: DesignTraits;
  readonly presets: Readonly<Record<string, number>>;
}

interface WrittenManifest {
  readonly testsOnly: boolean;
  readonly traits: Readonly<Record<string, number | boolean>>;
  readonly presets: Readonly<Record<string, number>>;
}

const cache = new Map<string, DesignManifest>();

/** Names of the designs that have been compiled, in alphabetical order. `folder` as in `loadEngine`. */
export function compiledDesigns(folder: string = wasmFolder()): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.bare.wasm'))
    .map((file) => file.slice(0, -'.bare.wasm'.length));
  return names.toSorted();
}

/**
 * What a compiled design declares of itself.
 * @param folder as in `loadEngine`
 * @throws EngineError when it was not built, or by another version
 */
export function manifestOf(design: string, folder: string = wasmFolder()): DesignManifest {
  const path = join(folder, `${design}.json`);
  const cached = cache.get(path);
  if (cached !== undefined) return cached;
  let written: WrittenManifest;
  try {
    written = JSON.parse(readFileSync(path, 'utf8')) as WrittenManifest;
  } catch (cause) {
    throw new EngineError({
      design,
      reason: `cannot read what it declares of itself, ${path}: ${(cause as Error).message}`,
      advice: "Run 'npm run build'.",
      cause,
    });
  }
  const { traits, presets, testsOnly } = written;
  const nameOf = (number: number | boolean | undefined): string | null =>
    Object.keys(presets).find((name) => presets[name] === number) ?? null;
  const manifest: DesignManifest = Object.freeze({
    testsOnly,
    presets,
    traits: {
      ...(traits as unknown as DesignTraits),
      defaultPreset: nameOf(traits['defaultPreset']),
      recordedPreset: nameOf(traits['recordedPreset']),
      atomicExpiryPreset: nameOf(traits['atomicExpiryPreset']),
      oneHoldPreset: nameOf(traits['oneHoldPreset']),
      recordedSweeps: RECORDED_SWEEPS[Number(traits['recordedSweeps'])] ?? 'none',
      // An earlier build did not write it.
      shards: Number(traits['shards'] ?? 0),
    },
  });
  cache.set(path, manifest);
  return manifest;
}

/** The traits of a compiled design. @throws as `manifestOf` */
export function traitsOf(design: string, folder?: string): DesignTraits {
  return manifestOf(design, folder).traits;
}
