/** Progress of a run on a terminal: a bar with live packets per second; nothing when standard error is no terminal. */
import { Presets, SingleBar } from 'cli-progress';
import { formatCount, formatRate } from '../text/quantities.js';

/** Shows the designs of a session one after the other. */
export class RunProgress {
  readonly #enabled: boolean;
  #bar: SingleBar | null = null;
  #label = '';
  #line = '';

  constructor(enabled: boolean) {
    this.#enabled = enabled && process.stderr.isTTY;
  }

  /** The next design begins. */
  design(label: string): void {
    this.finish();
    this.#label = label;
  }

  /** Packets so far, in all (null when open-ended), and packets per second of late. */
  update(packets: number, total: number | null, pps: number): void {
    if (!this.#enabled) return;
    if (total === null) {
      this.#line = `${this.#label}  ${formatCount(packets)} packets  ${formatRate(pps)}`;
      process.stderr.write(`\r\u001b[K${this.#line}`);
      return;
    }
    if (this.#bar === null) {
      this.#bar = new SingleBar(
        {
          format: '{label}  {bar} {percentage}%  {rate}  ETA {eta_formatted}',
          stream: process.stderr,
          hideCursor: true,
          clearOnComplete: true,
        },
        Presets.rect,
      );
      this.#bar.start(total, 0, { label: this.#label, rate: '' });
    }
    this.#bar.update(Math.min(packets, total), { label: this.#label, rate: formatRate(pps) });
  }

  /** Removes what is shown. */
  finish(): void {
    this.#bar?.stop();
    this.#bar = null;
    if (this.#line !== '') process.stderr.write('\r\u001b[K');
    this.#line = '';
  }
}
