/** The events of a simulation, earliest first; equal times in the order of scheduling, so that a run is repeatable. */

/** A binary heap of (time, kind, entity) triples, kept in flat arrays. */
export class EventHeap {
  #times: number[] = [];
  #orders: number[] = [];
  #codes: number[] = [];
  #next = 0;

  get size(): number {
    return this.#times.length;
  }

  /** Time of the earliest event; Infinity when there is none. */
  get nextTime(): number {
    return this.#times[0] ?? Infinity;
  }

  /** @param code anything that the caller wants back */
  push(time: number, code: number): void {
    let at = this.#times.length;
    this.#times.push(time);
    this.#orders.push(this.#next++);
    this.#codes.push(code);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Removes the earliest event and returns its code. The heap is not empty. */
  pop(): number {
    const code = this.#codes[0] as number;
    const last = this.#times.length - 1;
    this.#swap(0, last);
    this.#times.pop();
    this.#orders.pop();
    this.#codes.pop();
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= last) break;
      const right = left + 1;
      const child = right < last && this.#before(right, left) ? right : left;
      if (!this.#before(child, at)) break;
      this.#swap(at, child);
      at = child;
    }
    return code;
  }

  #before(a: number, b: number): boolean {
    const ta = this.#times[a] as number;
    const tb = this.#times[b] as number;
    return ta < tb || (ta === tb && (this.#orders[a] as number) < (this.#orders[b] as number));
  }

  #swap(a: number, b: number): void {
    for (const list of [this.#times, this.#orders, this.#codes]) {
      const held = list[a] as number;
      list[a] = list[b] as number;
      list[b] = held;
    }
  }
}
