/** Whether ctreplay, which decides a packet's rule for both trackers, sees the same network layer in it as the switch. */
import { dissect, emptyDissection } from '../wire/dissect.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethernet.js';
import type { Difference } from './compare-runs.js';
import type { InputPacket } from './conform-input.js';
import { NOT_IP, type ConformRun } from './conform-run.js';

const layers = emptyDissection();

/**
 * One difference for each packet that one side takes for IP and the other does not: its zone and rule were then chosen by
 * other headers than those which the trackers look at, which agreeing states would not show.
 */
export function layerDifferences(packets: readonly InputPacket[], theirs: ConformRun): Difference[] {
  return packets.flatMap(({ frame }, index): Difference[] => {
    const outcome = theirs.packets[index];
    if (outcome === undefined || (outcome.notCompared !== null && outcome.notCompared !== NOT_IP)) return [];
    dissect(frame, layers);
    const mine = layers.etherType === ETHERTYPE_IPV4 || layers.etherType === ETHERTYPE_IPV6;
    const their = outcome.notCompared === null;
    if (mine === their) return [];
    return [
      {
        what: 'layers',
        place: `layers of ${index + 1}`,
        packetNumber: index + 1,
        outputNumber: index + 1,
        tracker: mine ? 'IP' : NOT_IP,
        ovs: their ? 'IP' : NOT_IP,
        outputs: null,
      },
    ];
  });
}
