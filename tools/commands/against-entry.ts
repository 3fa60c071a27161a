/** What a regression of level against is confirmed in: started by tools/regress/confirm.ts, never by hand. */
import { serveConfirm } from '../regress/confirm.js';
import { loadInput } from './matrix-input.js';

serveConfirm(loadInput);
