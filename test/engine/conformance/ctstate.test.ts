import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { COMMIT_ALL } from '../../../tools/config/rules.js';
import { CaptureRun, readPackets } from '../../../tools/oracle/capture-run.js';
import { CONFORMANCE, conformanceTitle, haveConformance } from '../../support/conformance.js';

const folder = join(CONFORMANCE, 'captures');
const expected = haveConformance ? readdirSync(folder).filter((name) => name.endsWith('.ctstate')) : [];

async function states(tracker: Tracker, capture: string): Promise<string> {
  tracker.reset();
  const run = new CaptureRun(tracker, COMMIT_ALL, 'frozen');
  let lines = '';
  let outputNumber = 0;
  for await (const packet of readPackets([capture])) {
    for (const { returned } of run.run(packet)) lines += `${++outputNumber}: ${returned.state}\n`;
  }
  return lines;
}

describe.skipIf(!haveConformance)(conformanceTitle('states that Open vSwitch gave'), () => {
  it('there are 414 captures', () => {
    expect(expected).toHaveLength(414);
  });

  it.each(availableDesigns())('%s gives the same for every packet of every capture', async (design) => {
    const tracker = Tracker.create({ design, flavour: 'debug' });
    const different: string[] = [];
    for (const name of expected) {
      const got = await states(tracker, join(folder, name.slice(0, -'.ctstate'.length)));
      if (got !== readFileSync(join(folder, name), 'utf8')) different.push(name);
    }
    expect(different).toEqual([]);
  });
});
