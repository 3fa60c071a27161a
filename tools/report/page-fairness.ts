/** The page's section on how far its comparison can be carried over to the original. */
import { FAIRNESS_MEASURED, FAIRNESS_NOTES } from './fairness.js';
import { markup, type Html } from './html.js';
import { section } from './page-sections.js';

/** The same for every result: it is about the instrument, not about a run. */
export function fairnessSection(): Html {
  const body = markup`<p>${FAIRNESS_MEASURED}</p>
    <dl class="facts">
      ${FAIRNESS_NOTES.map(
        ({ about, text }) =>
          markup`<dt>${about}</dt>
            <dd>${text}</dd>`,
      )}
    </dl>`;
  return section('fairness', 'Beside the original', body, '');
}
