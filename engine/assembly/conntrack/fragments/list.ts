/** Collecting the fragments of one packet: overlap, order, completeness (spec §1.5). All under the fragment lock. */
import {
  F_END,
  F_NEXT,
  F_START,
  L_COUNT,
  L_FIRST,
  L_LAST,
  L_NEXT_OUT,
  L_STATE,
  LIST_FIRST,
  LIST_FIRST_LAST,
  LIST_LAST,
  LIST_OTHER,
} from './store';

/**
 * Whether the new part begins or ends inside a part already there. As in the original, one that encloses a stored part is
 * not noticed; it keeps the list from completing.
 */
export function overlaps(list: usize, start: u32, end: u32): bool {
  for (let part = <usize>load<u32>(list, L_FIRST); part != 0; part = <usize>load<u32>(part, F_NEXT)) {
    const from = load<u32>(part, F_START);
    const to = load<u32>(part, F_END);
    if ((start >= from && start <= to) || (end >= from && end <= to)) return true;
  }
  return false;
}

/**
 * Appends a fragment. Once first and last have been seen the list is kept sorted by start. Returns whether it is now
 * complete: first and last seen and no gap.
 */
export function appendFragment(list: usize, slot: usize, first: bool, last: bool): bool {
  const tail = <usize>load<u32>(list, L_LAST);
  if (tail == 0) {
    store<u32>(list, <u32>slot, L_FIRST);
    store<u32>(list, <u32>slot, L_NEXT_OUT);
  } else {
    store<u32>(tail, <u32>slot, F_NEXT);
  }
  store<u32>(list, <u32>slot, L_LAST);
  store<u32>(list, load<u32>(list, L_COUNT) + 1, L_COUNT);

  const state = nextState(load<u32>(list, L_STATE), first, last);
  store<u32>(list, state, L_STATE);
  if (state != LIST_FIRST_LAST) return false;
  sort(list);
  return isContiguous(list);
}

function nextState(state: u32, first: bool, last: bool): u32 {
  if (state == LIST_OTHER) return first ? LIST_FIRST : last ? LIST_LAST : LIST_OTHER;
  if (state == LIST_FIRST) return last ? LIST_FIRST_LAST : LIST_FIRST;
  if (state == LIST_LAST) return first ? LIST_FIRST_LAST : LIST_LAST;
  return state;
}

/** Insertion sort of the chain; stable, and linear for a list of which only the last fragment is out of place. */
function sort(list: usize): void {
  let sorted: usize = 0;
  let tail: usize = 0;
  let part = <usize>load<u32>(list, L_FIRST);
  while (part != 0) {
    const next = <usize>load<u32>(part, F_NEXT);
    const start = load<u32>(part, F_START);
    if (tail == 0 || start >= load<u32>(tail, F_START)) {
      store<u32>(part, 0, F_NEXT);
      if (tail == 0) sorted = part;
      else store<u32>(tail, <u32>part, F_NEXT);
      tail = part;
    } else if (start < load<u32>(sorted, F_START)) {
      store<u32>(part, <u32>sorted, F_NEXT);
      sorted = part;
    } else {
      let before = sorted;
      while (load<u32>(<usize>load<u32>(before, F_NEXT), F_START) <= start)
        before = <usize>load<u32>(before, F_NEXT);
      store<u32>(part, load<u32>(before, F_NEXT), F_NEXT);
      store<u32>(before, <u32>part, F_NEXT);
    }
    part = next;
  }
  store<u32>(list, <u32>sorted, L_FIRST);
  store<u32>(list, <u32>sorted, L_NEXT_OUT);
  store<u32>(list, <u32>tail, L_LAST);
}

function isContiguous(list: usize): bool {
  let part = <usize>load<u32>(list, L_FIRST);
  let expected = load<u32>(part, F_END) + 1;
  for (part = <usize>load<u32>(part, F_NEXT); part != 0; part = <usize>load<u32>(part, F_NEXT)) {
    if (load<u32>(part, F_START) != expected) return false;
    expected = load<u32>(part, F_END) + 1;
  }
  return true;
}
