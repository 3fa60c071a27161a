/**
 * Single operations of the shared structures as exports, for tests that drive one structure from several threads. What is
 * timed are the loops in the other files of this folder, never these calls.
 */
import { listInit, listNext, listPushBack, listPushFront, listRemove } from '../shm/rculist';
import { mapFind, mapInit, mapInsertLocked, mapNext, mapRemoveLocked } from '../shm/hash-map';
import { claimOrphans, retire, unlockOrphans } from '../shm/epoch';
import { plainListInit, plainListNext, plainListPushBack, plainListRemove } from '../shm/plain-list';
import { putSlotLocked, slabInit, takeSlotLocked } from '../shm/slab';

export {
  claimOrphans,
  listInit,
  listNext,
  listPushBack,
  listPushFront,
  listRemove,
  mapFind,
  mapInit,
  mapInsertLocked,
  mapNext,
  mapRemoveLocked,
  plainListInit,
  plainListNext,
  plainListPushBack,
  plainListRemove,
  putSlotLocked,
  retire,
  slabInit,
  takeSlotLocked,
  unlockOrphans,
};
