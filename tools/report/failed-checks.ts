/** Failed checks in words: each kind once for a cell, with how many of its trials it was. */
import type { AuditCheck, Result } from '../result/schema.js';
import { sentences } from './terminal-warnings.js';

/** One text a kind of check and cell, with the figures of the first. */
export function failedCheckTexts({ audit, cases }: Pick<Result, 'audit' | 'cases'>): string[] {
  const found = new Map<string, { check: AuditCheck; id: string; trials: number[] }>();
  for (const entry of cases) {
    for (const check of entry.audit.filter(({ ok }) => !ok)) {
      const known = found.get(`${entry.id}\n${check.name}`) ?? { check, id: entry.id, trials: [] };
      known.trials.push(entry.trial);
      found.set(`${entry.id}\n${check.name}`, known);
    }
  }
  return [
    ...(audit ?? []).filter(({ ok }) => !ok).map((check) => checkText('', check)),
    ...[...found.values()].map(({ check, id, trials }) =>
      checkText(`${id} ${trials.length === 1 ? 'trial' : 'trials'} ${trials.join(', ')}: `, check),
    ),
  ];
}

function checkText(where: string, { name, expected, actual, advice }: AuditCheck): string {
  const figures =
    expected === null || expected === undefined ? '' : `: expected ${expected}, got ${actual ?? 'nothing'}`;
  return sentences(`${where}check failed: ${name}${figures}`, advice);
}
