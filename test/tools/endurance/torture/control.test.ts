/** The words of a torture round: who waits for a lap, and what a thread that comes late does. */
import { describe, expect, it } from 'vitest';
import { Control } from '../../../../tools/endurance/torture/control.js';

describe('waiting for a lap', () => {
  it('lets a thread into a lap that was stopped before the thread came: the main thread waits for its end', () => {
    const control = new Control(2);
    control.reset(1);
    control.startLap(1, false);
    control.stop();
    expect(control.awaitLap(1)).toBe(true);
  });

  it('says that there is no further lap once the round has been stopped', () => {
    const control = new Control(2);
    control.reset(1);
    control.startLap(1, false);
    expect(control.awaitLap(1)).toBe(true);
    control.stop();
    expect(control.awaitLap(2)).toBe(false);
  });
});
