/** Our own tracker as the one under test. */
import type { ConnEntry, ConnTuple, TcpPeer } from '../../engine/host/connection-view.js';
import { protocolName } from '../../engine/host/dump-text.js';
import { FIRST_PACKET_MS } from '../oracle/capture-run.js';
import type { Tracker } from '../../engine/host/tracker.js';
import type { DumpEntry, DumpTuple } from './dump-parse.js';
import type { TrackerUnderTest } from './tracker-run.js';

/** A Tracker, set up already, as the tracker that is compared. Times are milliseconds since the first packet. */
export function trackerUnderTest(tracker: Tracker): TrackerUnderTest {
  return {
    execute(frame, request, timestampMs) {
      const handle = tracker.packet(frame);
      const outcome = tracker.execute(handle, request, FIRST_PACKET_MS + timestampMs);
      const outputs = outcome.returned.map((each) => ({ state: each.state, frame: each.handle.copyFrame() }));
      tracker.release(handle);
      return outputs;
    },
    sweep(timestampMs) {
      // A full pass: everything that has expired goes, as it does in the switch when its clock moves.
      tracker.sweep(FIRST_PACKET_MS + timestampMs);
      tracker.removeExpired(FIRST_PACKET_MS + timestampMs);
    },
    dump: (timestampMs) => tracker.dump(FIRST_PACKET_MS + timestampMs).map(toDumpEntry),
  };
}

function toDumpEntry(entry: ConnEntry): DumpEntry {
  const pair = (of: (peer: TcpPeer) => string): [string, string] | null =>
    entry.tcp === null ? null : [of(entry.tcp[0]), of(entry.tcp[1])];
  const states = pair((peer) => peer.state);
  return {
    proto: protocolName(entry.original.protocol),
    orig: toTuple(entry.original),
    reply: toTuple(entry.reply),
    zone: entry.zone,
    mark: entry.mark,
    labels: entry.label === 0n ? null : `0x${entry.label.toString(16)}`,
    timeoutS: entry.timeoutSeconds,
    helper: entry.helper,
    tcp:
      states === null
        ? null
        : {
            states,
            wscales: [entry.tcp?.[0].windowScale ?? 0, entry.tcp?.[1].windowScale ?? 0],
            flags: pair(flagsText),
          },
    parent: entry.parent === null ? null : toTuple(entry.parent),
  };
}

function flagsText(peer: TcpPeer): string {
  return [peer.windowScaleKnown ? 'WINDOW_SCALE' : '', peer.liberal ? 'BE_LIBERAL' : '']
    .filter(Boolean)
    .join('|');
}

function toTuple(tuple: ConnTuple): DumpTuple {
  return 'icmpId' in tuple
    ? {
        src: tuple.src,
        dst: tuple.dst,
        ports: null,
        icmp: { id: tuple.icmpId, type: tuple.icmpType, code: tuple.icmpCode },
      }
    : { src: tuple.src, dst: tuple.dst, ports: [tuple.srcPort, tuple.dstPort], icmp: null };
}
