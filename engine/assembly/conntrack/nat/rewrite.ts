/**
 * Translating a packet of a known connection (spec §7.4): addresses, ports and the checksums over them.
 *
 *             source translation                      destination translation
 *   original  source := rev_key.dst                   destination := rev_key.src, source port := rev_key.dst.port
 *   reply     destination := key.src                  source := key.dst, destination port := key.src.port
 *
 * Related ICMP errors: the outer address follows the table, outer ports do not exist. In the reply direction the quoted
 * packet is rewritten too, to what the sender of the original had sent; in the original direction it stays as it is.
 *
 * Differs from the original on IPv6 errors: the outer checksum adjusted is the ICMPv6 one, whatever the connection carries.
 */
import { CO_KEY, CO_NAT_ACTION, NAT_DST, NAT_SRC, ST_DNAT, ST_SNAT } from '../../records/connection';
import { K_DL_TYPE, K_DPORT, K_DST, K_PROTO, K_SPORT, K_SRC } from '../../records/key';
import { Packet } from '../../records/packet';
import { peerOf } from '../../records/side-data';
import { PROTO_ICMP, PROTO_ICMPV6 } from '../../wire/ipv4';
import { DL_TYPE_IPV4 } from '../../wire/locate';
import { setAddress, setPorts } from './headers';
import { rewriteQuoted } from './quoted';

/**
 * Translates `p` as a packet of `conn` in the given direction and adds ST_SNAT or ST_DNAT. `related` says that it is
 * an ICMP error about the connection. Layer offsets of `p` must be located and its headers validated. Drops the cached
 * connection, since the headers no longer match it.
 */
export function natPacket(p: Packet, conn: usize, reply: bool, related: bool): void {
  const action = <u32>load<u8>(conn, CO_NAT_ACTION);
  if ((action & (NAT_SRC | NAT_DST)) == 0) return;
  const translatesSource = (action & NAT_SRC) != 0;
  // A reply is translated back, on the opposite side.
  const changesSource = translatesSource != reply;
  p.ctState |= changesSource ? ST_SNAT : ST_DNAT;
  p.conn = 0;

  const l3 = <usize>p.frame + p.l3;
  const l4 = <usize>p.frame + p.l4;
  const l4Size = p.length - p.l2Pad - p.l4;
  const ipv4 = <u32>load<u16>(conn, CO_KEY + K_DL_TYPE) == DL_TYPE_IPV4;
  let proto = <u32>load<u8>(conn, CO_KEY + K_PROTO);
  if (related) proto = ipv4 ? PROTO_ICMP : PROTO_ICMPV6;

  // What has an action has a companion, whose key is the connection's reverse key.
  const side = (reply ? conn : peerOf(conn)) + CO_KEY;
  setAddress(l3, l4, l4Size, ipv4, proto, changesSource, side + (changesSource ? K_DST : K_SRC));
  if (related) {
    if (reply) rewriteQuoted(l3, l4, l4Size, conn, ipv4, translatesSource);
    return;
  }
  const sourcePort = <u32>load<u16>(side, K_DPORT);
  const destinationPort = <u32>load<u16>(side, K_SPORT);
  // Source translation touches one port; destination translation may have had to move the source port as well.
  const bothPorts = !translatesSource;
  setPorts(
    l4,
    l4Size,
    proto,
    changesSource || bothPorts,
    sourcePort,
    !changesSource || bothPorts,
    destinationPort,
  );
}
