/**
 * Makes the traced module of a design: its bare module, in which every access to memory and every turn of a loop calls
 * the host. Nothing else changes, so what is counted is what the bare build does. For exact figures of work, never for times.
 *
 * The module imports from `env`
 *   touch(kind, bytes, offset, address) -> address   before a load (1), a store (2), or an atomic that does both (3)
 *   touchTo(address), touchFrom(address), touchLength(length)   around memory.copy and memory.fill; each returns its argument
 *   turn()                                           at the beginning of every turn of a loop
 *
 * It goes by way of the text format, where an operand can be wrapped without knowing what it is.
 */

const IMPORTS = [
  '(import "env" "touch" (func $ctreplay.touch (param i32 i32 i32 i32) (result i32)))',
  '(import "env" "touchTo" (func $ctreplay.touchTo (param i32) (result i32)))',
  '(import "env" "touchFrom" (func $ctreplay.touchFrom (param i32) (result i32)))',
  '(import "env" "touchLength" (func $ctreplay.touchLength (param i32) (result i32)))',
  '(import "env" "turn" (func $ctreplay.turn))',
].join('\n ');

/** An access whose first operand is its address: instruction, immediates, and an operand that follows. */
const ACCESS =
  /\(((?:[if](?:32|64)|v128)\.(?:atomic\.)?(?:load|store|rmw)[a-z0-9_.]*|memory\.atomic\.(?:wait32|wait64|notify))((?:\s+(?:offset=\d+|align=\d+|seqcst|acqrel|\d+|\$[^\s()]+))*)\s+(?=\()/y;
const BLOCK = /\(memory\.(copy|fill)(?:\s+(?:\d+|\$[^\s()]+))*\s+(?=\()/y;
const LOOP = /\(loop(?:\s+\$[^\s()]+)?(?:\s+\((?:type|param|result)[^()]*\))*/y;
const MODULE = /\(module(?:\s+\$[^\s()]+)?/y;
const STRING = /"(?:[^"\\]|\\[^])*"/y;
const COMMENT = /;;[^\n]*|\(;[^]*?;\)/y;
const OTHER = /[^()";]+|;/y;

const READ = 1;
const WRITE = 2;

/** 1 for a load, 2 for a store, 3 for what does both. */
function kindOf(instruction) {
  if (/\.rmw/.test(instruction)) return READ | WRITE;
  return /\.store/.test(instruction) ? WRITE : READ;
}

/** Bytes that an instruction reads or writes. */
function bytesOf(instruction) {
  const wide = /\.load\d+x\d+/.test(instruction);
  if (wide) return 8;
  const narrow = /(?:load|store|rmw|wait)(\d+)/.exec(instruction);
  if (narrow !== null) return Number(narrow[1]) / 8;
  if (instruction.startsWith('v128')) return 16;
  return /64\./.test(instruction) ? 8 : 4;
}

/**
 * The text of a module with the calls in it.
 * @param text module in the folded text format, as binaryen prints it
 */
export function traceText(text) {
  const out = [];
  /** One per open parenthesis: what its next operands are wrapped in, and whether it is wrapped itself. */
  const open = [];
  let at = 0;
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const begin = (opening, wrappers) => {
    const wrapper = open.at(-1)?.wrappers.shift() ?? '';
    out.push(wrapper, opening);
    open.push({ wrappers, wrapped: wrapper !== '' });
  };
  while (at < text.length) {
    const plain = match(STRING) ?? match(COMMENT) ?? match(OTHER);
    if (plain !== null) {
      out.push(plain[0]);
      at += plain[0].length;
      continue;
    }
    if (text[at] === ')') {
      out.push(open.pop()?.wrapped === true ? '))' : ')');
      at += 1;
      continue;
    }
    const access = match(ACCESS);
    const block = match(BLOCK);
    const loop = match(LOOP);
    const module = open.length === 0 ? match(MODULE) : null;
    if (access !== null) {
      const [whole, instruction, immediates] = access;
      const offset = /offset=(\d+)/.exec(immediates)?.[1] ?? '0';
      begin(whole, [
        `(call $ctreplay.touch (i32.const ${kindOf(instruction)}) (i32.const ${bytesOf(instruction)}) (i32.const ${offset}) `,
      ]);
    } else if (block !== null) {
      const from = block[1] === 'copy' ? '(call $ctreplay.touchFrom ' : '';
      begin(block[0], ['(call $ctreplay.touchTo ', from, '(call $ctreplay.touchLength ']);
    } else if (loop !== null) begin(`${loop[0]} (call $ctreplay.turn) `, []);
    else if (module !== null) begin(`${module[0]}\n ${IMPORTS}\n`, []);
    else begin('(', []);
    at += (access ?? block ?? loop ?? module ?? ['('])[0].length;
  }
  return out.join('');
}

/**
 * The traced module of a bare one.
 * @param bare bytes of the compiled module
 * @returns bytes
 */
export async function traceModule(bare) {
  const { default: binaryen } = await import('assemblyscript/binaryen');
  const before = binaryen.readBinaryWithFeatures(bare, binaryen.Features.All);
  const text = before.emitText();
  before.dispose();
  const after = binaryen.parseText(traceText(text));
  try {
    after.setFeatures(binaryen.Features.All);
    return after.emitBinary();
  } finally {
    after.dispose();
  }
}
