/** A parsed filter expression. */
import type { IpFamily } from '../../engine/host/addresses.js';
import type { Subnet } from './subnet.js';

/** Which end of a packet: either (`src or dst`), both (`src and dst`), or one. */
export type Direction = 'either' | 'both' | 'src' | 'dst';

export type FilterNode =
  | { readonly type: 'and' | 'or'; readonly left: FilterNode; readonly right: FilterNode }
  | { readonly type: 'not'; readonly operand: FilterNode }
  /** An address within a network; a host is a network of one address. */
  | { readonly type: 'address'; readonly direction: Direction; readonly subnet: Subnet }
  /** A port within a range, ends included, of one of the protocols. */
  | {
      readonly type: 'port';
      readonly direction: Direction;
      readonly protocols: readonly number[];
      readonly first: number;
      readonly last: number;
    }
  /** The transport protocol, in one of the IP versions. */
  | { readonly type: 'protocol'; readonly families: readonly IpFamily[]; readonly number: number }
  /** EtherType behind the VLAN tags. */
  | { readonly type: 'etherType'; readonly etherType: number }
  /** The outermost VLAN tag; null = any. */
  | { readonly type: 'vlan'; readonly id: number | null }
  /** Bytes of the frame, limit included. */
  | { readonly type: 'length'; readonly relation: 'less' | 'greater'; readonly bytes: number };
