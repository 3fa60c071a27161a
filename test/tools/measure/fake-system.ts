/** Builders for the measure tests: kernel files given as texts, and clocks that are told what to say. */
import type { Clock } from '../../../tools/measure/clock.js';
import type { SystemFiles } from '../../../tools/measure/system-files.js';

/** A system that has exactly the given files and links. */
export function fakeFiles(
  texts: Readonly<Record<string, string>> = {},
  links: Readonly<Record<string, string>> = {},
): SystemFiles {
  return {
    read: (path) => texts[path] ?? null,
    link: (path) => links[path] ?? null,
    list: (folder) => {
      const names = Object.keys(texts)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1).split('/')[0] as string);
      return names.length === 0 ? null : [...new Set(names)];
    },
  };
}

/** A clock whose every read costs `costNs` and which shows time rounded down to `stepNs`. */
export class FakeClock implements Clock {
  readonly name = 'fake';
  #timeNs = 0;

  readonly #costNs: number;
  readonly #stepNs: number;

  constructor(costNs: number, stepNs = 1) {
    this.#costNs = costNs;
    this.#stepNs = stepNs;
  }

  nowNs(): number {
    this.#timeNs += this.#costNs;
    return Math.floor(this.#timeNs / this.#stepNs) * this.#stepNs;
  }

  /** Lets time pass without a read. */
  advance(ns: number): void {
    this.#timeNs += ns;
  }
}
