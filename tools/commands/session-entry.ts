/** What a session of a matrix runs in: started by tools/bench/session-process.ts, never by hand. */
import { serveSession } from '../bench/serve-session.js';
import { loadInput } from './matrix-input.js';

serveSession(loadInput);
