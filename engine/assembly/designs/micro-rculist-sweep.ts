/** Entry of the measured primitives of the design `rculist-sweep` (engine/assembly/micro). */
export * from './rculist-sweep';
export * from '../micro/layout';
export * from '../micro/primitives';
