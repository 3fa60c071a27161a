/**
 * result.json, version 1: the source that every table, export and page is made from.
 *
 * Field by field documentation is in docs/results.md and docs/schema/result-v1.schema.json (generated from
 * here). Adding an optional field keeps the version; anything else makes a new version and an entry in
 * upgrade.ts. Unknown fields are kept when a file is read and written back.
 */
import { z } from 'zod';
import { advice } from './schema/advice.js';
import { cellSummary, comparison, geomean, rateSearch, scaling } from './schema/comparison.js';
import { environment } from './schema/environment.js';
import { auditCheck, warning } from './schema/primitives.js';
import { bound, resultCase } from './schema/case.js';

export * from './schema/primitives.js';
export * from './schema/environment.js';
export * from './schema/engine-figures.js';
export * from './schema/case.js';
export * from './schema/comparison.js';
export * from './schema/advice.js';

export const RESULT_FORMAT = 'ctreplay-result';
export const RESULT_VERSION = 1;

export const result = z.object({
  format: z.literal(RESULT_FORMAT),
  version: z.literal(RESULT_VERSION),
  tool: z.object({
    name: z.literal('ctreplay'),
    version: z.string(),
    commit: z
      .string()
      .nullish()
      .describe('Git commit of the tool, "-dirty" appended when the tree was changed.'),
  }),
  createdAt: z.iso.datetime(),
  commandLine: z.array(z.string()).describe('Arguments as given, program name left out.'),
  environment,
  configuration: z.record(z.string(), z.json()).describe('Every option after defaults, file and flags.'),
  seed: z.int().nonnegative(),
  partial: z
    .boolean()
    .describe('True when the run was cut short: what is here is right, but not everything.'),
  valid: z.boolean().describe('False when a check of the self-audit failed: do not use the figures.'),
  bound: bound.nullish().describe('Set when it is in a case: those rates are not the tracker’s.'),
  warnings: z.array(warning),
  audit: z
    .array(auditCheck)
    .nullish()
    .describe('Checks over the whole run; those of one case are in the case.'),
  cases: z.array(resultCase),
  cells: z.array(cellSummary).nullish(),
  comparisons: z.array(comparison).nullish(),
  geomeans: z.array(geomean).nullish(),
  scaling: z.array(scaling).nullish(),
  rateSearches: z.array(rateSearch).nullish(),
  advice: advice.nullish(),
});

/** A whole result.json. */
export type Result = z.infer<typeof result>;

/**
 * The JSON Schema (draft 2020-12) of result.json version 1, as published in docs/schema/.
 * Unknown properties are allowed, because a later tool may add optional fields under the same version.
 */
export function resultJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(result, { io: 'input', target: 'draft-2020-12' });
  return {
    $id: 'result-v1.schema.json',
    title: 'ctreplay result.json, version 1',
    ...schema,
  };
}
