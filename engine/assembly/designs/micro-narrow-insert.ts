/** Entry of the measured primitives of the design `narrow-insert` (engine/assembly/micro). */
export * from './narrow-insert';
export * from '../micro/layout';
export * from '../micro/primitives';
