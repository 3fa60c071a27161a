/** Layouts that only tests of the structures need: a test reads them from the micro module instead of repeating them. */
export {
  EX_USED,
  HEAD_BY_KEY,
  HEAD_BY_PARENT,
  NEXT_BY_KEY,
  NEXT_BY_PARENT,
} from '../conntrack/alg/expectations';
export {
  CO_CLEANED,
  CO_LINK,
  CO_NEXT,
  CO_RECLAIMED,
  CONN_ADMITTED_DEFAULT,
  CONN_ADMITTED_ZONE,
  SD_ZONE_SEQ,
} from '../records/connection';
export { Z_COUNT, Z_LIMIT, Z_SEQUENCE } from '../conntrack/zone-limits';
export {
  C_ORPHAN_COUNT,
  C_ORPHANS,
  C_SLAB_FREE,
  C_SLAB_RETURNED,
  T_RESERVED_SLOTS,
  T_RETIRED,
  T_SPARE_SLOTS,
  T_TOUCH_HASHES,
  T_TOUCH_SINK,
  T_WAITING,
} from '../records/memory-map';
export { LINK_SIZE, POISON } from '../shm/rculist';
export { NEXT_SLOT } from '../shm/slab';
