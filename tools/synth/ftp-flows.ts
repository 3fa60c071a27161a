/**
 * FTP sessions: a control connection and its data connections, as the tracker between client and server receives their
 * packets. With NAT the two sides see different addresses, and after a rewritten PORT line different sequence
 * numbers; the server's packets carry what the server would have seen.
 */
import { EPHEMERAL_PORTS, FIRST_EPHEMERAL_PORT } from './ephemeral-ports.js';
import { PHASE } from './flow-pool.js';
import type { FlowTable } from './flow-pool.js';
import { ftpScript, passiveLine, portLine } from './ftp-script.js';
import type { FtpScript, FtpStep } from './ftp-script.js';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN } from './headers.js';
import { MAX_SEGMENT_BYTES, PacketWriter, segmentBytes } from './packet-writer.js';
import type { IpFamily } from './packet-writer.js';
import { mixPair32 } from '../random/random.js';
import type { Random } from '../random/random.js';

export interface FtpPlan {
  family: IpFamily;
  /** PORT or EPRT instead of PASV or EPSV. */
  active: boolean;
  /** Transfers before QUIT; 0 goes on until the pool retires the session. */
  transfers: number;
}

export interface FtpFlowOptions {
  capacity: number;
  firstClient: number;
  clients: number;
  firstServer: number;
  /** Address that clients are translated to, or null without NAT. */
  natHost: number | null;
  fileBytes: number;
}

const CONTROL_PORT = 21;
const ACTIVE_DATA_PORT = 20;
/** A session owns this many client ports: the first for control, the others in turn for data. */
const PORTS_PER_SESSION = 8;
const SESSIONS_PER_SERVER = Math.floor(EPHEMERAL_PORTS / PORTS_PER_SESSION);
const SERVERS = 3500;

interface Session {
  flowIndex: number;
  /** Numbers of the control connection and of the data connection opened last. */
  connectionIndex: [number, number];
  /** Numbers of the active data connections by client port: a port in use again is the same tuple, hence number. */
  portIndex: (number | undefined)[];
  plan: FtpPlan;
  script: FtpScript;
  step: number;
  transfersDone: number;
  closing: boolean;
  client: number;
  clientPort: number;
  server: number;
  /** Next sequence numbers as their senders count them: control, then data. */
  clientSeq: [number, number];
  serverSeq: [number, number];
  /** How much longer the client's control stream is at the server than at the client. */
  stretch: number;
  left: number;
  unacknowledged: number;
}

export class FtpFlowTable implements FlowTable {
  readonly capacity: number;
  readonly maxFrameLength = PacketWriter.MAX_HEADERS + MAX_SEGMENT_BYTES;
  readonly minPacketsPerFlow: number;
  readonly #sessions: (Session | undefined)[];
  readonly #scripts = {
    4: { active: ftpScript(4, true), passive: ftpScript(4, false) },
    6: { active: ftpScript(6, true), passive: ftpScript(6, false) },
  };
  readonly #key: number;
  /** Connections begun so far, control and data. */
  #connections = 0;

  readonly #options: FtpFlowOptions;
  readonly #writer: PacketWriter;
  readonly #planner: (flowIndex: number, plan: FtpPlan) => void;

  constructor(
    options: FtpFlowOptions,
    writer: PacketWriter,
    planner: (flowIndex: number, plan: FtpPlan) => void,
    random: Random,
  ) {
    this.#options = options;
    this.#writer = writer;
    this.#planner = planner;
    this.capacity = options.capacity;
    this.#sessions = Array.from({ length: options.capacity });
    const segments = Math.ceil(options.fileBytes / MAX_SEGMENT_BYTES);
    // The script counts one segment and one acknowledgement of the file.
    this.minPacketsPerFlow = this.#scripts[4].active.steps.length - 2 + segments + Math.ceil(segments / 2);
    this.#key = random.derive('sessions').u32();
  }

  begin(slot: number, flowIndex: number): void {
    const plan: FtpPlan = { family: 4, active: true, transfers: 1 };
    this.#planner(flowIndex, plan);
    const options = this.#options;
    const key = this.#key;
    // Client port and server together are unique among SESSIONS_PER_SERVER * SERVERS sessions, whatever the client: behind
    // one translated address no two of them collide, so that the NAT keeps every port.
    const place = flowIndex % (SESSIONS_PER_SERVER * SERVERS);
    this.#sessions[slot] = {
      flowIndex,
      connectionIndex: [this.#connections++, 0],
      portIndex: [],
      plan,
      script: this.#scripts[plan.family][plan.active ? 'active' : 'passive'],
      step: 0,
      transfersDone: 0,
      closing: false,
      client: options.firstClient + (mixPair32(key, flowIndex) % options.clients),
      clientPort: FIRST_EPHEMERAL_PORT + PORTS_PER_SESSION * (place % SESSIONS_PER_SERVER),
      server: options.firstServer + Math.floor(place / SESSIONS_PER_SERVER),
      clientSeq: [mixPair32(flowIndex, key), 0],
      serverSeq: [mixPair32(flowIndex, key + 1), 0],
      stretch: 0,
      left: 0,
      unacknowledged: 0,
    };
  }

  askToClose(slot: number): void {
    this.#sessions[slot]!.closing = true;
  }

  /** Of the connection that the next packet belongs to: control and data connections are numbered as they open. */
  flowIndex(slot: number): number {
    const session = this.#sessions[slot]!;
    const step = session.script.steps[session.step];
    if (step === undefined || step.connection === 'control') return session.connectionIndex[0] >>> 0;
    return (opensData(step) ? this.#nextDataIndex(session) : session.connectionIndex[1]) >>> 0;
  }

  #nextDataIndex(session: Session): number {
    return session.portIndex[this.#dataPort(session) - session.clientPort] ?? this.#connections;
  }

  phase(slot: number): number {
    const { step, script, closing } = this.#sessions[slot]!;
    if (step === script.steps.length) return PHASE.closed;
    if (closing) return PHASE.closing;
    return step < script.transferStart ? PHASE.opening : PHASE.open;
  }

  emit(slot: number, into: Uint8Array, at: number): number {
    const session = this.#sessions[slot]!;
    const step = session.script.steps[session.step]!;
    if (opensData(step)) this.#openData(session);
    const length = this.#send(session, step, into, at);
    this.#advance(session, step);
    return length;
  }

  #openData(session: Session): void {
    const index = this.#nextDataIndex(session);
    if (index === this.#connections) this.#connections++;
    session.connectionIndex[1] = index;
    if (session.plan.active) session.portIndex[this.#dataPort(session) - session.clientPort] = index;
    const isn = mixPair32(this.#key + 2 + session.transfersDone, session.flowIndex);
    session.clientSeq[1] = isn;
    session.serverSeq[1] = (isn ^ 0x5a5a5a5a) >>> 0;
    session.left = this.#options.fileBytes;
    session.unacknowledged = 0;
  }

  #advance(session: Session, step: FtpStep): void {
    if (step.content === 'file' && session.left > 0 && session.unacknowledged < 2) return;
    if (step.content === 'fileAck' && session.left > 0) {
      session.step--;
      return;
    }
    session.step++;
    if (session.step !== session.script.transferEnd) return;
    session.transfersDone++;
    const done = session.transfersDone === session.plan.transfers;
    if (done) session.closing = true;
    else if (!session.closing) session.step = session.script.transferStart;
  }

  #send(session: Session, step: FtpStep, into: Uint8Array, at: number): number {
    const which = step.connection === 'control' ? 0 : 1;
    const fromClient = step.from === 'client';
    const own = fromClient ? session.clientSeq : session.serverSeq;
    const peer = fromClient ? session.serverSeq : session.clientSeq;
    const { content, count, flags, stretch } = this.#contentOf(session, step);
    const seq = own[which];
    // The server acknowledges the client's control stream as it arrived there.
    const ack = (flags & TCP_ACK) === 0 ? 0 : peer[which] + (fromClient || which === 1 ? 0 : session.stretch);
    own[which] = (seq + count + ((flags & (TCP_SYN | TCP_FIN)) !== 0 ? 1 : 0)) >>> 0;
    session.stretch += stretch;
    const writer = this.#writer;
    writer.family = session.plan.family;
    writer.vlanId = 0;
    const clientPort = which === 0 ? session.clientPort : this.#dataPort(session);
    const serverPort = which === 0 ? CONTROL_PORT : this.#serverDataPort(session);
    const { client, server } = session;
    const reached = this.#options.natHost ?? client;
    const ends = fromClient
      ? { src: client, dst: server, srcPort: clientPort, dstPort: serverPort }
      : { src: server, dst: reached, srcPort: serverPort, dstPort: clientPort, backwards: true };
    return writer.tcp(into, at, { ends, seq, ack, flags, content, count });
  }

  #contentOf(
    session: Session,
    step: FtpStep,
  ): { content: Uint8Array | null; count: number; flags: number; stretch: number } {
    const { family } = session.plan;
    let { flags } = step;
    let content: Uint8Array | null = null;
    let count = 0;
    let stretch = 0;
    if (step.content === 'port') {
      content = portLine(family, session.client, this.#dataPort(session));
      const { natHost } = this.#options;
      if (natHost !== null)
        stretch = portLine(family, natHost, this.#dataPort(session)).length - content.length;
    } else if (step.content === 'passive') {
      content = passiveLine(family, session.server, this.#serverDataPort(session));
    } else if (step.content === 'file') {
      count = Math.min(session.left, segmentBytes(family));
      session.left -= count;
      session.unacknowledged++;
      if (session.left === 0) flags |= TCP_PSH;
    } else if (step.content === 'fileAck') {
      session.unacknowledged = 0;
    } else {
      content = step.content;
    }
    return { content, count: content === null ? count : content.length, flags, stretch };
  }

  #dataPort(session: Session): number {
    return session.clientPort + 1 + (session.transfersDone % (PORTS_PER_SESSION - 1));
  }

  #serverDataPort(session: Session): number {
    if (session.plan.active) return ACTIVE_DATA_PORT;
    return (
      FIRST_EPHEMERAL_PORT +
      ((session.flowIndex * PORTS_PER_SESSION + session.transfersDone) % EPHEMERAL_PORTS)
    );
  }
}

function opensData(step: FtpStep): boolean {
  return step.connection === 'data' && (step.flags & (TCP_SYN | TCP_ACK)) === TCP_SYN;
}
