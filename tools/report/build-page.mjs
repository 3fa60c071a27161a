/** Puts what the page is made of into dist/page, so that the installed package needs no chart library beside it. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const echarts = dirname(createRequire(import.meta.url).resolve('echarts/package.json'));
const out = join(root, 'dist', 'page');
mkdirSync(out, { recursive: true });
copyFileSync(join(echarts, 'dist', 'echarts.min.js'), join(out, 'echarts.min.js'));
copyFileSync(join(echarts, 'LICENSE'), join(out, 'echarts.LICENSE'));
