/** Exports of every design module that do not depend on the design. */
export {
  connCount,
  detach,
  dropCachedConnections,
  getConnLimit,
  goOffline,
  goOnline,
  locatePacket,
  quiesce,
  resetPackets,
  resetPacketState,
  scratchAddress,
  setConnLimit,
  setSeqCheck,
  sweepChecked,
  sweepCleaned,
  sweepDelayMs,
  sweepWasImmediate,
} from './api';
export { expectationAt, expectationCount } from '../conntrack/alg/expectations';
export {
  fragmentsHeld,
  heldFragmentNext,
  outputAddress,
  outputCount,
} from '../conntrack/fragments/fragments';
export { countExpired, isReachable, tableCount, walkStart, walkNext } from '../conntrack/table';
export { deletePolicy, setPolicy } from '../conntrack/timeout-policies';
export { deleteZoneLimit, getZoneLimit, setZoneLimit } from '../conntrack/zone-limits';
export { resetHistograms, resetInterval } from '../probe/histogram';
export { reclaimNow } from '../shm/epoch';
export { attach } from '../records/memory-map';
export { lock as testLock, lockOwner, unlock as testUnlock } from '../shm/mutex';
export { locatePlaced, openPackets, placeFrames } from '../wire/place';
