/** Entry of the measured primitives of the design `timeout-lists` (engine/assembly/micro). */
export * from './timeout-lists';
export * from '../micro/layout';
export * from '../micro/primitives';
