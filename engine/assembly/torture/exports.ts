/**
 * What a module of the `torture` flavour exports beside its design's functions, as a second entry of the compilation: numbers of the
 * steps and faults, single operations of the structures, and layouts that only whole-structure checks need.
 */
export * from '../probe/faults';
export * from '../probe/steps';
export * from '../micro/layout';
export * from '../micro/primitives';
