/** The text of a module, as binaryen prints it, with calls before accesses and in loops. */
export function traceText(text: string): string;
/** The traced module of a bare one, both as bytes. */
export function traceModule(bare: Uint8Array): Promise<Uint8Array>;
