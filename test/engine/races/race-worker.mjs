/**
 * One thread of a race run: random work on a small tracker, checking what it can see on the way. Plain JavaScript, because a
 * worker thread starts outside the test runner. Everything it needs lies in the shared memory or in `workerData`.
 */
// oxlint-disable unicorn/require-post-message-target-origin -- threads of one process have no origins
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, role, sweepers, threadIndex, seed, rounds, c, places, scenario, control } =
  workerData;
const view = new DataView(memory.buffer);
const bytes = new Uint8Array(memory.buffer);
const words = new Int32Array(memory.buffer);
const shared = new Int32Array(control);
const NOW = 0;
const START = 1;
const STOP = 2;
const SWEEPS = 3;
const { exports: engine } = new WebAssembly.Instance(module, {
  env: { memory, clock: () => performance.now() * 1e6 },
});

let state = seed | 0 || 1;
/** Whole number from 0 to `bound - 1`. */
function random(bound) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}
const chance = (percent) => random(100) < percent;

const violations = [];
let doing = 'nothing';
let packets = 0;
const verdicts = {};

function violation(text) {
  if (violations.length < 10) violations.push(`thread ${threadIndex}: ${text}`);
}

/** Connections that packets carry; none may be reused before this thread's next quiescent point. */
let held = [];

function checkHeld() {
  for (const { conn, generation, key } of held) {
    const now = Atomics.load(words, (conn + c.CO_GENERATION) >> 2) >>> 0;
    if (now !== generation && now !== generation + 1) {
      violation(`slot ${conn} went from generation ${generation} to ${now} inside a grace period`);
    }
    for (let i = 0; i < c.KEY_SIZE; i++) {
      if (bytes[conn + c.CO_KEY + i] !== key[i]) {
        violation(
          `slot ${conn} was overwritten inside a grace period (generation ${generation}, now ${now})`,
        );
        break;
      }
    }
  }
}

function endOfBatch(act) {
  checkHeld();
  held = [];
  act();
}

function load(place, from) {
  const to = places.scratch + place * places.stride;
  const frame = view.getUint32(from + c.PK_FRAME, true);
  const length = view.getUint32(from + c.PK_LENGTH, true);
  bytes.copyWithin(to, from, from + c.PACKET_SIZE);
  bytes.copyWithin(to + c.PACKET_SIZE + 2, frame, frame + length);
  view.setUint32(to + c.PK_FRAME, to + c.PACKET_SIZE + 2, true);
  view.setUint32(places.packets + place * 4, to, true);
  return to;
}

/** Turns an IPv4 frame round: addresses and ports swapped, which leaves every checksum as it is. */
function turnRound(packet) {
  const header = view.getUint32(packet + c.PK_FRAME, true) + view.getUint16(packet + c.PK_L3, true);
  const swap = (at, size) => {
    for (let i = 0; i < size; i++) {
      const byte = bytes[at + i];
      bytes[at + i] = bytes[at + size + i];
      bytes[at + size + i] = byte;
    }
  };
  swap(header + 12, 4);
  swap(header + 20, 2);
}

/** What a packet that came in clean can become. */
function checkVerdict(packet, flow, rule) {
  const verdict = view.getUint8(packet + c.PK_CT_STATE);
  verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  const has = (bit) => (verdict & bit) !== 0;
  const wrong = (why) =>
    violation(`${flow.name} under ${rule.name} became 0x${verdict.toString(16)}: ${why}`);
  if (!has(c.ST_TRK)) wrong('not tracked');
  if (has(c.ST_NEW) && has(c.ST_EST)) wrong('both new and established');
  if (has(c.ST_INV) && has(c.ST_NEW | c.ST_EST | c.ST_RPL)) wrong('invalid and something else');
  if (has(c.ST_RPL) && !has(c.ST_EST)) wrong('reply of no established connection');
  if (has(c.ST_REL)) wrong('related, but nothing announced it');
  if (has(c.ST_SNAT | c.ST_DNAT) && !rule.nat) wrong('translated without being asked');
  if (has(c.ST_INV) && flow.neverInvalid && !rule.nat) wrong('invalid, but the packet is flawless');
}

function remember(packet) {
  const conn = view.getUint32(packet + c.PK_CONN, true);
  if (conn === 0 || held.length >= 16) return;
  const generation = view.getUint32(packet + c.PK_CONN_GENERATION, true);
  if ((generation & 1) === 0) violation(`a packet carries slot ${conn} of even generation ${generation}`);
  held.push({ conn, generation, key: bytes.slice(conn + c.CO_KEY, conn + c.CO_KEY + c.KEY_SIZE) });
}

function runBatch() {
  const now = Atomics.load(shared, NOW);
  const count = 1 + random(8);
  const batch = [];
  for (let i = 0; i < count; i++) {
    const rule = scenario.rules[random(scenario.rules.length)];
    const group = scenario.flows[rule.flows];
    const flow = group[random(group.length)];
    const packet = load(i, flow.packets[random(flow.packets.length)]);
    view.setUint32(packet + c.PK_PARAMS, rule.params, true);
    batch.push({ packet, flow, rule });
  }
  engine.resetPackets(places.packets, count);
  doing = 'execute';
  engine.execute(places.packets, count, scenario.rules[0].params, now);
  packets += count;
  for (const { packet, flow, rule } of batch) {
    checkVerdict(packet, flow, rule);
    remember(packet);
  }
  if (chance(25)) runAgain(batch, now);
}

/** The same packets once more: translated ones come back as replies, others with the connection they carry. */
function runAgain(batch, now) {
  if (chance(50)) endOfBatch(() => engine.quiesce());
  batch.forEach(({ packet, rule }) => {
    const verdict = view.getUint8(packet + c.PK_CT_STATE);
    if (!rule.nat || (verdict & (c.ST_SNAT | c.ST_DNAT)) === 0) return;
    turnRound(packet);
    engine.resetPacketState(packet);
    view.setUint32(packet + c.PK_PARAMS, rule.params, true);
  });
  doing = 'execute again';
  engine.execute(places.packets, batch.length, scenario.rules[0].params, now);
  packets += batch.length;
  for (const { packet } of batch) {
    const verdict = view.getUint8(packet + c.PK_CT_STATE);
    if ((verdict & c.ST_TRK) === 0)
      violation(`a packet run again became 0x${verdict.toString(16)}: not tracked`);
  }
}

/** Walks the table as a dump does while others change it. */
function walk() {
  const now = Atomics.load(shared, NOW);
  let count = 0;
  for (let at = engine.dumpNext(1, now) >>> 0; at !== 0; at = engine.dumpNext(0, now) >>> 0) {
    if (at < places.slab || at >= places.slabEnd || (at - places.slab) % c.CONN_SIZE !== 0) {
      return violation(`the walk left the slab: ${at}`);
    }
    // Entries that move may be met again, so a walk has no exact length; this bound says that it ends.
    if (++count > 1_000_000) return violation('a walk does not end');
  }
}

const OPERATIONS = {
  walk,
  countExpired: () => engine.countExpired(BigInt(Atomics.load(shared, NOW))),
  flushAll: () => engine.flush(-1),
  flushZone: () => engine.flush(random(scenario.zones)),
  flushTuple() {
    const key = scenario.keys[random(scenario.keys.length)];
    bytes.copyWithin(places.key, key, key + c.KEY_SIZE);
    engine.flushTuple(places.key, Atomics.load(shared, NOW));
  },
  setZoneLimit: () => engine.setZoneLimit(scenario.limitedZone, random(12)),
  setDefaultLimit: () => engine.setZoneLimit(-1, 4 + random(12)),
  deleteZoneLimit: () => engine.deleteZoneLimit(chance(50) ? scenario.limitedZone : -1),
  setConnLimit: () => engine.setConnLimit(8 + random(40)),
  setPolicy: () => engine.setPolicy(7, scenario.attributes[random(scenario.attributes.length)]),
  deletePolicy: () => engine.deletePolicy(7),
  offline() {
    held = [];
    engine.goOffline();
    if (chance(30)) Atomics.wait(shared, STOP, 0, 1);
    engine.goOnline();
  },
  sweepHere: () => engine.sweep(Atomics.load(shared, NOW)),
};

/** Eight times over the rounds: until a sweep has ended, so that a busy machine cannot run one after the other. */
function waitForSweep(round) {
  if (sweepers === 0 || round % Math.ceil(rounds / 8) !== 0) return;
  const before = Atomics.load(shared, SWEEPS);
  endOfBatch(() => engine.goOffline());
  while (Atomics.load(shared, SWEEPS) === before && Atomics.load(shared, STOP) === 0)
    Atomics.wait(shared, SWEEPS, before, 10);
  engine.goOnline();
}

function work() {
  const names = scenario.operations;
  engine.goOnline();
  for (let round = 0; round < rounds && Atomics.load(shared, STOP) === 0; round++) {
    waitForSweep(round);
    runBatch();
    if (names.length > 0 && chance(scenario.operationPercent)) {
      const name = names[random(names.length)];
      doing = name;
      checkHeld();
      OPERATIONS[name]();
    }
    if (chance(60)) endOfBatch(() => engine.quiesce());
  }
  checkHeld();
  doing = 'detach';
  engine.detach();
}

function sweep() {
  let sweeps = 0;
  while (Atomics.load(shared, STOP) === 0) {
    if (scenario.clockStepMs > 0) Atomics.add(shared, NOW, random(scenario.clockStepMs));
    doing = 'sweep';
    engine.goOnline();
    engine.sweep(Atomics.load(shared, NOW));
    engine.quiesce();
    engine.goOffline();
    sweeps++;
    Atomics.add(shared, SWEEPS, 1);
    Atomics.notify(shared, SWEEPS);
    Atomics.wait(shared, STOP, 0, random(3) === 0 ? 1 : 0);
  }
  doing = 'detach';
  engine.detach();
  return sweeps;
}

let trap = null;
let sweeps = 0;
if (engine.attach(threadIndex) === 0) throw new Error(`thread ${threadIndex} cannot attach`);
parentPort.postMessage('attached');
Atomics.wait(shared, START, 0);
try {
  if (role === 'sweeper') sweeps = sweep();
  else work();
} catch (error) {
  trap = `thread ${threadIndex} stopped in ${doing}: ${error.stack}`;
  // The others must not wait for what this thread holds.
  Atomics.compareExchange(words, (c.CONTROL + c.C_ABORT) >> 2, 0, threadIndex + 1);
  Atomics.store(shared, STOP, 1);
  Atomics.notify(shared, STOP);
}
parentPort.postMessage({ threadIndex, role, packets, sweeps, verdicts, violations, trap, doing });
