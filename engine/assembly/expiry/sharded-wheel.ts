/**
 * sharded-wheel: the timing wheel with creation split. The map, the lock under which a connection is created and removed, and the wheel are
 * there up to 32 times, and the hash of a connection's key says which of them it belongs to: two threads that create meet where they create
 * in one shard, once in 32 times, and wait for one another there as long as before. Linux' nf_conntrack does likewise since 2014
 * (net/netfilter/nf_conntrack_core.c: 1024 locks by hash, nf_conntrack_double_lock), so does VPP with a table per worker, without the
 * lock. Everything about expiring is timing-wheel's, one wheel a shard (expiry/timing-wheel.ts is written for both); a creation is
 * prepared without a lock, as narrow-insert's is.
 *
 * Who writes: the buckets of a part of the map, the chains in them, a wheel's lists and cursor, and the place word of a connection, under
 * the lock of the shard. Who reads at the same time: everybody, the map only. What is still one for all: the free slots, under ct_lock,
 * which a creation takes for 16 at a time and holds no other lock beside; the counts of the table and of each zone, by compare-exchange;
 * the state of the random numbers, by atomic add; policies and limits, set under ct_lock.
 *
 * Why the ordering holds for what a creation decides. That there is no live entry of its key: whatever answers to a key, or to its
 * reverse, has the same hash, hence is in the same shard and is inserted under its lock. That the limits have room: a place is taken by
 * compare-exchange on the count itself before anything is inserted, and given back should the map be full. That a translated tuple is free: the
 * same as for a key, in the shard of the tuple's own hash, in which the companion is inserted that occupies it.
 *
 * Two locks. A translated connection is in two shards: with its key in one, with its companion in another, or in the same. Both locks are held
 * before the candidate is looked at for good and until both records are inserted, so no other thread can take the tuple between, and whoever
 * holds either lock finds both records or neither. They are taken in the order of the shards' numbers, never one on top of a greater one, so
 * there is no circle; ct_lock comes after all shards (it is taken beside one where the count of a zone begins), connections' locks after that.
 *
 * Why the order of the candidates is kept. Which shard is the second is known only with the candidate. So the search runs without a lock, in
 * the order that it has in every design, with the same draws of the random numbers; a candidate that looks free is looked at again under
 * both locks, and where another thread was quicker the locks are given back and the search goes on behind it, not from the start. Each
 * candidate has its turn once, and the connection gets the first that was free in its turn. Under ct_lock all turns are at one moment as
 * far as creations and removals go; here they follow one another, so one that was passed over may have come free meanwhile, as one that
 * expires during the search may in every design. So the choice need not be that of any single moment; but no tuple is given twice, and none
 * while it is taken, and a thread that is alone chooses as under ct_lock.
 *
 * Removal takes the right to remove first, with the connection out of its wheel under the lock of its shard; an untranslated one leaves the map
 * in the same hold. One with a companion leaves it under both locks, which may begin with the other one: so they are taken anew, in order.
 * Until then it is in the map without a list, expired or about to be forgotten, as one is in rculist-sweep that has been marked as reclaimed.
 * A flush that meets it leaves it to whoever has the right.
 *
 * What it costs: a translated creation looks at its tuple twice and takes two locks, and its removal three; half a MiB of lists, whatever the
 * table; a pass takes each shard's lock once. A thread keeps up to 16 slots ready that no other can have (a 64th of the slab in all threads).
 * The search for a tuple is done in vain by a thread that then finds that another one has created the connection.
 *
 * What stays as it is: the count of the table is a line that every creation writes, and a slot that is given back goes to all. A part of the
 * map may be full before the others are; with the load that the map is planned for that is as unlikely as a full map (shm/shards.ts).
 *
 * Lock order: shards by number, ct_lock, a connection's lock, resources.
 */
import { TimingWheel } from './timing-wheel';

export * from './timing-wheel';
export const TRAIT_ORDER: u32 = 6;
export const TRAIT_CREATES_NARROWLY: bool = true;
export const TRAIT_SHARDS: u32 = 32;
/** Slots, `soon` and `due` of 32 wheels. */
export const TRAIT_LISTS: u32 = 65_600;
export const TRAIT_LISTS_AT: u32 = 4096;
/** What they take beyond EXPIRY_SIZE: 4096 + 65,600 * 8 - 65,536. */
export const TRAIT_AREA_BYTES: u32 = 463_360;

@unmanaged
export class ShardedWheel extends TimingWheel {}
