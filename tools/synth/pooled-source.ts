/** A source of packets whose conversations one pool schedules. */
import { FlowPool } from './flow-pool.js';
import type { Picker } from '../random/picker.js';
import type { FlowTable } from './flow-pool.js';
import type { ParameterValues } from './parameters.js';
import { TimedSource } from './scenario.js';

/** For scenarios with the parameters `pps`, `cps` and `active-flows`. */
export class PooledSource extends TimedSource {
  readonly maxFrameLength: number;
  readonly #pool: FlowPool;

  constructor(parameters: ParameterValues, table: FlowTable, picker: Picker) {
    super(parameters);
    this.maxFrameLength = table.maxFrameLength;
    const options = {
      scenarioName: parameters.scenarioName,
      pps: this.pps,
      cps: parameters.numberOrNull('cps'),
      activeFlows: parameters.number('active-flows'),
    };
    this.#pool = new FlowPool(table, options, picker);
  }

  protected write(into: Uint8Array, at: number): number {
    const length = this.#pool.write(into, at);
    this.flowIndex = this.#pool.flowIndex;
    return length;
  }
}
