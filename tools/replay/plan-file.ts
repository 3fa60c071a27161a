/** The plan of an earlier replay, from its result.json. */
import { parseConfig } from '../config/read-config.js';
import { readResult } from '../result/result-file.js';
import { makePlan, PlanError, replayPlan, type ReplayPlan } from './replay-plan.js';

/**
 * Reads the plan that a result was made by.
 * @param path result.json, or the folder that holds it
 * @throws ResultFileError for a file that is no result, PlanError for one of another command or from before there were plans,
 *   ConfigError
 */
export async function readPlan(path: string): Promise<ReplayPlan> {
  const { configuration, commandLine } = await readResult(path);
  if (
    !replayPlan.shape.input.safeParse(configuration['input'] ?? 0).success ||
    configuration['input'] == null
  ) {
    throw new PlanError(
      `${path}: holds no plan of a replay: it is of another command, or of a ctreplay from before there were plans. ` +
        `It was made by: ctreplay ${commandLine.join(' ')}`,
    );
  }
  const plan = makePlan(configuration, `${path}: configuration`);
  // What the shape alone does not show: whether policies exist that rules name, for one.
  parseConfig(JSON.stringify(plan.config.entries), `${path}: configuration.config.entries`);
  return plan;
}
