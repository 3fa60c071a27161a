/** The engine's AssemblyScript, formatted (engine/format-assembly.mjs). */

/** Decorators of functions as comments, so that TypeScript's parsers take the text; line numbers stay. */
export function maskDecorators(text: string): string;

/** The text as prettier would have it. */
export function formatAssembly(text: string): Promise<string>;

/** Files that are AssemblyScript, from the root. */
export function assemblyFiles(): string[];
