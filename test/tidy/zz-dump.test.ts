import { writeFileSync } from 'node:fs';
import { it } from 'vitest';
import { complaintsOf, repository } from './sources.js';
import * as a from './structure-rules.js';
import * as b from './words-rules.js';
it('dump', () => {
  const s = repository();
  let out = '';
  for (const r of [...Object.values(a), ...Object.values(b)]) {
    if (typeof r === 'function') continue;
    const c = r.check(s);
    out += `## ${r.name}: ${c.length}\n` + c.map((x) => `${x.file}:${x.line}: ${x.what}\n`).join('');
  }
  writeFileSync('/tmp/h/complaints.txt', out);
  void complaintsOf;
});
