import { openSync, readSync, closeSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stateText } from '../../engine/host/state-text.js';
import { FIRST_PACKET_MS } from '../oracle/capture-run.js';
import { OvsFailedError } from './conform-error.js';
import type { ConformInput, InputPacket } from './conform-input.js';
import { NOT_IP, type ConformRun, type OutputPacket, type PacketOutcome } from './conform-run.js';
import { TRACKED_STATES } from './ct-state.js';
import { parseConntrackDump } from './dump-parse.js';
import {
  INPUT_PORT,
  LOG_PORT,
  MARKER_ETHERTYPE,
  requestsToFlows,
  statePort,
  UNEXPECTED_PORT,
  UNTRACKED_PORT,
  type BridgePort,
} from './ovs-flows.js';
import type { OvsSandbox } from './ovs-sandbox.js';
import { applySettings } from './ovs-settings.js';
import { numberFrame, packetIndexOf, restoreMacs } from './frame-number.js';
import { PcapTail, readPcapFrames } from './pcap-tail.js';

const BRIDGE = 'br0';
const ETHERNET_HEADER_BYTES = 14;
const ETHERTYPE_OFFSET = 12;
const MARKER_BYTES = 60;

/** A dummy port's largest MTU is 65535; its receive queue holds 100 frames, and each packet brings a marker. */
const MTU = 65_535;
const BATCH_PACKETS = 45;

/**
 * Bytes behind a frame: the switch sizes the packet's buffer by the length of the text that it is given, spaces included, and its
 * FTP helper does not rewrite an address in a buffer without room for a longer one. It keeps that size in 16 bits.
 */
const TAIL_ROOM_BYTES = 128;
const LARGEST_BUFFER_BYTES = 65_535;

/** The datapath's clean-up thread logs this line after each pass. */
const SWEEP_LOG_LINE = 'conntrack cleanup';

export interface OvsRunOptions {
  /** Bound in milliseconds on the way of one batch of packets through the switch. */
  readonly timeoutMs?: number;
}

/**
 * Builds a bridge in a sandbox for what the packets ask for, and runs them through it. A sandbox runs one input, once.
 *
 * *Which packet is which.* The tracker does not look at MAC addresses, so each frame's are replaced on the way in by
 * its number, and put back on the way out. The port by which it leaves tells the ct_state; the log port tells the order.
 * After each packet a marker frame passes through the same receive queue, so that whatever appears in the log before
 * the marker was put out by that packet or an earlier one.
 *
 * *Time* is stopped and moves only between packets. Each move wakes the clean-up thread, which makes a full pass
 * (its wait ends on every warp); the pass is awaited.
 *
 * @throws OvsFailedError
 */
export async function runThroughOvs(
  sandbox: OvsSandbox,
  input: ConformInput,
  options: OvsRunOptions = {},
): Promise<ConformRun> {
  const { packets } = input;
  const timeoutMs = options.timeoutMs ?? 10_000;
  await buildBridge(sandbox, input);
  const log = new PcapTail(portCapture(sandbox, LOG_PORT.name));
  try {
    const order = await feed(sandbox, log, packets, timeoutMs);
    const table = parseConntrackDump(await sandbox.appctl('dpctl/dump-conntrack', '-m', '-s'));
    return { packets: collect(sandbox, packets, order), table };
  } finally {
    log.close();
  }
}

async function buildBridge(sandbox: OvsSandbox, input: ConformInput): Promise<void> {
  const ports: BridgePort[] = [
    INPUT_PORT,
    LOG_PORT,
    UNTRACKED_PORT,
    UNEXPECTED_PORT,
    ...TRACKED_STATES.map(statePort),
  ];
  const bridge = `set Open_vSwitch . other_config:vlan-limit=2 -- add-br ${BRIDGE} -- set bridge ${BRIDGE}`;
  await sandbox.vsctl(...bridge.split(' '), 'datapath-type=dummy', 'fail-mode=secure');
  await sandbox.vsctl(...ports.flatMap((port) => addPort(sandbox, port)));
  await applySettings(sandbox, input);
  const flows = join(sandbox.directory, 'flows.txt');
  await writeFile(flows, `${requestsToFlows(input.requests).join('\n')}\n`);
  await sandbox.addFlows(BRIDGE, flows);
  await sandbox.appctl('vlog/set', 'conntrack:file:dbg');
}

function addPort(sandbox: OvsSandbox, { name, number }: BridgePort): string[] {
  const settings = ['type=dummy', `ofport_request=${number}`, `mtu_request=${MTU}`];
  if (name !== INPUT_PORT.name) settings.push(`options:tx_pcap=${portCapture(sandbox, name)}`);
  return ['--', 'add-port', BRIDGE, name, '--', 'set', 'interface', name, ...settings];
}

/** @returns for each input packet the numbers of the packets that its step put out, in order */
async function feed(
  sandbox: OvsSandbox,
  log: PcapTail,
  packets: readonly InputPacket[],
  timeoutMs: number,
): Promise<number[][]> {
  const order: number[][] = packets.map(() => []);
  let nowMs = FIRST_PACKET_MS;
  let markersSeen = 0;
  for (let first = 0; first < packets.length;) {
    const due = packets[first]!.timestampMs;
    if (due > nowMs) {
      await warp(sandbox, due - nowMs, timeoutMs);
      nowMs = due;
    }
    let end = first;
    const frames: string[] = [];
    while (end < packets.length && end - first < BATCH_PACKETS && packets[end]!.timestampMs <= nowMs) {
      if (whyNotGiven(packets[end]!.frame) === null)
        frames.push(withTailRoom(numberFrame(packets[end]!.frame, end, packets[end]!.requestIndex)));
      frames.push(toHex(numberFrame(marker(), end, 0)));
      end++;
    }
    await sandbox.appctl('netdev-dummy/receive', INPUT_PORT.name, ...frames);
    const endsAt = performance.now() + timeoutMs;
    while (markersSeen < end) {
      for (const frame of log.readNew()) {
        if (!isMarker(frame)) order[markersSeen]?.push(packetIndexOf(frame));
        else if (packetIndexOf(frame) !== markersSeen++)
          throw new OvsFailedError('the switch put markers out of order');
      }
      if (performance.now() > endsAt) {
        throw new OvsFailedError(
          `packet ${markersSeen + 1} did not pass through the switch within ${timeoutMs} ms`,
        );
      }
      await delay(1);
    }
    first = end;
  }
  return order;
}

/** Moves the switch's clock and waits until the clean-up thread has made its pass. */
async function warp(sandbox: OvsSandbox, deltaMs: number, timeoutMs: number): Promise<void> {
  const log = join(sandbox.directory, 'ovs-vswitchd.log');
  const from = statSync(log).size;
  await sandbox.appctl('time/warp', `${deltaMs}`);
  const endsAt = performance.now() + timeoutMs;
  while (!textFrom(log, from).includes(SWEEP_LOG_LINE)) {
    if (performance.now() > endsAt) {
      throw new OvsFailedError(`the clean-up thread made no pass within ${timeoutMs} ms of a clock change`);
    }
    await delay(1);
  }
}

function textFrom(path: string, offset: number): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(1 << 16);
    let text = '';
    for (let position = offset; ;) {
      const length = readSync(fd, buffer, 0, buffer.length, position);
      if (length === 0) return text;
      text += buffer.toString('latin1', 0, length);
      position += length;
    }
  } finally {
    closeSync(fd);
  }
}

/** Puts the ports' captures and the order together. */
function collect(
  sandbox: OvsSandbox,
  packets: readonly InputPacket[],
  order: readonly number[][],
): PacketOutcome[] {
  const tracked = new Map<number, { state: string; frame: Uint8Array }>();
  for (const bits of TRACKED_STATES) {
    for (const frame of readPcapFrames(portCapture(sandbox, statePort(bits).name))) {
      tracked.set(packetIndexOf(frame), { state: stateText(bits), frame });
    }
  }
  const [unexpected] = readPcapFrames(portCapture(sandbox, UNEXPECTED_PORT.name));
  if (unexpected !== undefined) {
    const number = packetIndexOf(unexpected) + 1;
    throw new OvsFailedError(`packet ${number} left the switch's tracker with a ct_state that cannot be`);
  }
  return packets.map((packet, index): PacketOutcome => {
    const reason = whyNotGiven(packet.frame);
    if (reason !== null) return { outputs: [], notCompared: reason };
    const outputs = order[index]!.map((number): OutputPacket | null => {
      const found = tracked.get(number);
      if (found === undefined) return null;
      return {
        packetIndex: number,
        state: found.state,
        frame: restoreMacs(found.frame, packets[number]!.frame),
      };
    });
    if (outputs.includes(null)) return { outputs: [], notCompared: NOT_IP };
    return { outputs: outputs.filter((output) => output !== null), notCompared: null };
  });
}

/** A dummy port cannot take every frame that a capture can hold. */
function whyNotGiven(frame: Uint8Array): string | null {
  if (frame.length < ETHERNET_HEADER_BYTES) return 'shorter than an Ethernet header';
  // Not IP, so the switch would not give it to the tracker either; here it would be taken for a marker.
  if (isMarker(frame)) return NOT_IP;
  if (frame.length > MTU + ETHERNET_HEADER_BYTES) return 'longer than a port of the switch can take';
  return null;
}

function portCapture(sandbox: OvsSandbox, port: string): string {
  return join(sandbox.directory, `${port}.pcap`);
}

function marker(): Uint8Array {
  const frame = new Uint8Array(MARKER_BYTES);
  new DataView(frame.buffer).setUint16(ETHERTYPE_OFFSET, MARKER_ETHERTYPE);
  return frame;
}

function isMarker(frame: Uint8Array): boolean {
  return new DataView(frame.buffer, frame.byteOffset).getUint16(ETHERTYPE_OFFSET) === MARKER_ETHERTYPE;
}

function withTailRoom(frame: Uint8Array): string {
  const room = Math.max(0, Math.min(TAIL_ROOM_BYTES, LARGEST_BUFFER_BYTES - frame.length));
  return toHex(frame) + '  '.repeat(room);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
