/** Which packets are application control messages, and which helper a connection keeps (spec §8.1). */
import { HELPER_FTP, HELPER_NONE, HELPER_TFTP } from '../../records/connection';
import { ExecParams } from '../../records/exec-params';
import { NO_OFFSET, Packet } from '../../records/packet';
import { IPV4_PROTOCOL, PROTO_TCP, PROTO_UDP } from '../../wire/ipv4';
import { IPV6_NEXT_HEADER } from '../../wire/ipv6';

/** EtherType position of the frame itself, and IPv6 as loaded there. */
const ETHER_TYPE: usize = 12;
const ETHER_IPV6: u32 = 0xdd86;
const FTP_PORT: u32 = 21;
const TFTP_PORT: u32 = 69;
/** Bytes of a transport header that hold the ports. */
const PORTS_SIZE: u32 = 4;

/**
 * HELPER_FTP or HELPER_TFTP when the packet belongs to such a control connection by its ports, else HELPER_NONE. The
 * call needs no helper for that; where it names one with ports, those ports are looked at instead.
 *
 * As in the original, the protocol is read at the place where the EtherType of the frame itself, not of what VLAN tags
 * wrap, would have it: VLAN-tagged IPv6 and IPv6 extension headers defeat detection.
 */
// @ts-ignore: decorator
@inline
export function algControl(p: Packet, params: ExecParams): u32 {
  const l4 = <u32>p.l4;
  if (l4 == NO_OFFSET || p.length < l4 + PORTS_SIZE) return HELPER_NONE;
  const frame = <usize>p.frame;
  const at =
    frame + p.l3 + (<u32>load<u16>(frame, ETHER_TYPE) == ETHER_IPV6 ? IPV6_NEXT_HEADER : IPV4_PROTOCOL);
  const proto = <u32>load<u8>(at);
  if (proto != PROTO_TCP && proto != PROTO_UDP) return HELPER_NONE;
  const ports = load<u32>(frame + l4);
  if (params.helper != HELPER_NONE && (params.tpSrc | params.tpDst) != 0)
    return controlOnPorts(proto, ports, params);
  if (proto == PROTO_TCP) {
    return (ports & 0xffff) == FTP_PORT << 8 || ports >> 16 == FTP_PORT << 8 ? HELPER_FTP : HELPER_NONE;
  }
  return ports >> 16 == TFTP_PORT << 8 ? HELPER_TFTP : HELPER_NONE;
}

/** The same with ports of the call: a destination port replaces the helper's own, else a source port replaces FTP's. */
function controlOnPorts(proto: u32, ports: u32, params: ExecParams): u32 {
  const source = <u32>bswap<u16>(<u16>ports);
  const destination = <u32>bswap<u16>(<u16>(ports >> 16));
  const ftp = params.helper == HELPER_FTP;
  let ftpSource = FTP_PORT;
  let ftpDestination = FTP_PORT;
  let tftpDestination = TFTP_PORT;
  if (params.tpDst != 0) {
    if (ftp) ftpDestination = params.tpDst;
    else tftpDestination = params.tpDst;
  } else if (ftp) {
    ftpSource = params.tpSrc;
  }
  if (proto == PROTO_TCP)
    return source == ftpSource || destination == ftpDestination ? HELPER_FTP : HELPER_NONE;
  return destination == tftpDestination ? HELPER_TFTP : HELPER_NONE;
}

/** Helper that a new connection keeps: the call's, unless the packet is a control message of the other kind. */
export function helperToStore(control: u32, params: ExecParams): u32 {
  return control == HELPER_NONE || control == <u32>params.helper ? params.helper : HELPER_NONE;
}
