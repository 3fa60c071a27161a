/** Where the conformance data lies: beside the project, never copied into it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** `../shared/conformance` of the project. */
export const CONFORMANCE = join(root, '..', 'shared', 'conformance');
export const haveConformance = existsSync(CONFORMANCE);

/** Title of a suite that needs the data. */
export function conformanceTitle(title: string): string {
  return haveConformance ? title : `${title} (skipped: ../shared/conformance is absent)`;
}
