/**
 * The library of histograms, loaded when the first one is made or read: it takes a twentieth of a second, which no packet should wait for
 * where none is timed.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** Its functions and classes. */
export function histogramLibrary(): typeof import('hdr-histogram-js') {
  return load('hdr-histogram-js') as typeof import('hdr-histogram-js');
}
