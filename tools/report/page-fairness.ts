/** The page's section on how far its comparison can be carried over to the original. */
import { FAIRNESS_MEASURED, FAIRNESS_NOTES } from './fairness.js';
import { markup, type Html } from './html.js';
import { section } from './page-sections.js';

/** The same for every result: it is about the instrument, not about a run. */
export function fairnessSection(): Html | null {
  const body = markup`<details>
    <summary>How far this is the original’s comparison</summary>
    <p>${FAIRNESS_MEASURED}</p>
    <dl class="facts">
      ${FAIRNESS_NOTES.map(
        ({ about, text }) =>
          markup`<dt>${about}</dt>
            <dd>${text}</dd>`,
      )}
    </dl>
  </details>`;
  return section('fairness', 'Beside the original', body);
}
