/**
 * Makes the traced module of a design: its bare module, in which every access to memory, every turn of a loop and every run of
 * instructions without a branch calls the host. Nothing else changes, so what is counted is what the bare build does. For exact
 * figures of work, never for times.
 *
 * The module imports from `env`
 *   touch(kind, bytes, offset, address) -> address   before an access: 1 reads, 2 writes, 4 is atomic, or the sum of these
 *   touchTo(address), touchFrom(address), touchLength(length)   around memory.copy and memory.fill; each returns its argument
 *   turn()                                           at the beginning of every turn of a loop
 *   ran(count)                                       before so many instructions that no branch leaves and none leads into, and of
 *                                                    which none but the last takes a lock or gives one back
 *
 * It goes by way of the text format, where an operand can be wrapped without knowing what it is.
 */

const IMPORTS = [
  '(import "env" "touch" (func $ctreplay.touch (param i32 i32 i32 i32) (result i32)))',
  '(import "env" "touchTo" (func $ctreplay.touchTo (param i32) (result i32)))',
  '(import "env" "touchFrom" (func $ctreplay.touchFrom (param i32) (result i32)))',
  '(import "env" "touchLength" (func $ctreplay.touchLength (param i32) (result i32)))',
  '(import "env" "turn" (func $ctreplay.turn))',
  '(import "env" "ran" (func $ctreplay.ran (param i32)))',
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

const NAME = /\(([a-z][a-z0-9_.]*)/y;

/** What holds instructions that follow each other, and what stands in it before them. */
const LISTS = new Set(['func', 'block', 'loop', 'then', 'else']);
const HEADERS = new Set(['type', 'param', 'result', 'local', 'export', 'import']);
/** Of the text only, or without a price once a processor's registers are given out. */
const NO_WORK = /^(?:block|loop|then|else|nop|drop|local\..*|.*\.const)$/;
/**
 * After these, or what holds one, another run of instructions begins. A block's end is where branches lead; locks are taken and given back by
 * what reads and writes at once, so that no run is partly under one.
 */
const RUN_ENDS = /^(?:block|loop|br|br_if|br_table|return|unreachable|i(?:32|64)\.atomic\.rmw.*)$/;

const READ = 1;
const WRITE = 2;
const ATOMIC = 4;

/** What an access does, as `touch` gets it. */
function kindOf(instruction) {
  const atomic = /\.atomic\./.test(instruction) ? ATOMIC : 0;
  if (/\.rmw/.test(instruction)) return READ | WRITE | atomic;
  return (/\.store/.test(instruction) ? WRITE : READ) | atomic;
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
  /** One per open parenthesis: what its next operands are wrapped in, whether it is wrapped itself, and whether a run ends with it. */
  const open = [];
  const runs = new InstructionRuns(out);
  let at = 0;
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const begin = (opening, wrappers) => {
    const name = match(NAME)?.[1] ?? '';
    runs.begin(name, open.at(-1));
    const wrapper = open.at(-1)?.wrappers.shift() ?? '';
    out.push(wrapper, opening);
    open.push({ name, wrappers, wrapped: wrapper !== '', endsRun: RUN_ENDS.test(name) });
  };
  while (at < text.length) {
    const plain = match(STRING) ?? match(COMMENT) ?? match(OTHER);
    if (plain !== null) {
      out.push(plain[0]);
      at += plain[0].length;
      continue;
    }
    if (text[at] === ')') {
      const ended = open.pop();
      runs.end(ended, open.at(-1));
      out.push(ended?.wrapped === true ? '))' : ')');
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

/** Instructions that follow each other without a branch, counted where the first of them stands. */
class InstructionRuns {
  #out;
  /** One per list that is open: where the count of its current run is to stand, -1 = none has begun, and the count. */
  #lists = [];

  /** @param out pieces of the text, in which the calls are put */
  constructor(out) {
    this.#out = out;
  }

  /** An expression begins; `parent` holds it. */
  begin(name, parent) {
    const list = this.#lists.at(-1);
    if (list !== undefined && !HEADERS.has(name)) {
      // What stands in the list itself, not in one of its expressions, can have a call before it.
      if (list.at < 0 && LISTS.has(parent?.name)) list.at = this.#out.push('') - 1;
      if (list.at >= 0 && !NO_WORK.test(name)) list.count += 1;
    }
    if (LISTS.has(name)) this.#lists.push({ at: -1, count: 0 });
  }

  /** It ends. */
  end(expression, parent) {
    if (expression === undefined) return;
    if (LISTS.has(expression.name)) this.#close(this.#lists.pop());
    if (!expression.endsRun || parent === undefined) return;
    if (LISTS.has(parent.name)) this.#close(this.#lists.at(-1));
    parent.endsRun = true;
  }

  #close(list) {
    if (list.count > 0) this.#out[list.at] = `(call $ctreplay.ran (i32.const ${list.count})) `;
    list.at = -1;
    list.count = 0;
  }
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
