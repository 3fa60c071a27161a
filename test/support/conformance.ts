/**
 * Where the conformance data lies. What is the project's own lies in test/proof: the vectors, and what Open vSwitch did with captures
 * of the project. The public captures with their states lie beside the project and are never copied into it.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Vectors and recorded states that come with the project. */
export const PROOF = join(root, 'test', 'proof');

/** `../shared/conformance` of the project: the public captures. */
export const CONFORMANCE = join(root, '..', 'shared', 'conformance');
export const haveConformance = existsSync(CONFORMANCE);

/** Title of a suite that needs the data. */
export function conformanceTitle(title: string): string {
  return haveConformance ? title : `${title} (skipped: ../shared/conformance is absent)`;
}
