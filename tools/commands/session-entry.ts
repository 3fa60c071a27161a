/** What a session runs in: started by tools/bench/session-process.ts, never by hand. */
import { ReplayCellRunner } from '../bench/replay-runner.js';
import { serveSession } from '../bench/serve-session.js';
import { makePlan } from '../replay/replay-plan.js';
import { loadInput } from './matrix-input.js';
import { REPLAY_SESSION, ReplayTrialRunner } from './replay-trial-runner.js';

const [kind, plans = ''] = process.argv.slice(2);
if (kind === REPLAY_SESSION)
  serveSession(
    (spec, machine) =>
      new ReplayTrialRunner(
        spec,
        machine,
        (JSON.parse(plans) as unknown[]).map((plan) => makePlan(plan)),
      ),
  );
else serveSession((spec, machine) => new ReplayCellRunner(spec, loadInput, machine));
