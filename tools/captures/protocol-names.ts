import { ETHERTYPE_MIN } from '../wire/ethernet.js';

const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  4: 'ip-in-ip',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  41: 'ipv6-in-ip',
  46: 'rsvp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  59: 'no-next-header',
  88: 'eigrp',
  89: 'ospf',
  97: 'etherip',
  103: 'pim',
  108: 'ipcomp',
  112: 'vrrp',
  115: 'l2tp',
  132: 'sctp',
  135: 'mobility',
  136: 'udplite',
  137: 'mpls-in-ip',
};

const ETHER_TYPES: Readonly<Record<number, string>> = {
  0x0800: 'ipv4',
  0x0806: 'arp',
  0x0842: 'wake-on-lan',
  0x2000: 'cdp',
  0x6003: 'decnet',
  0x8035: 'rarp',
  0x809b: 'appletalk',
  0x80f3: 'appletalk-arp',
  0x8100: 'vlan',
  0x8137: 'ipx',
  0x86dd: 'ipv6',
  0x8808: 'ethernet-flow-control',
  0x8809: 'slow-protocols',
  0x8847: 'mpls',
  0x8848: 'mpls-multicast',
  0x8863: 'pppoe-discovery',
  0x8864: 'pppoe-session',
  0x888e: 'eapol',
  0x88a8: 'vlan-service-tag',
  0x88cc: 'lldp',
  0x88e5: 'macsec',
  0x88f7: 'ptp',
  0x8902: 'cfm',
  0x9000: 'loopback-test',
  0xffff: 'none',
};

/** Name of an IP protocol number: `tcp`, or `ip-protocol-N` where it has no common name. */
export function ipProtocolName(protocol: number): string {
  return IP_PROTOCOLS[protocol] ?? `ip-protocol-${protocol}`;
}

/** Name of an EtherType: `arp`, `802.3` for a length, or `ethertype-0x1234` where it has no common name. */
export function etherTypeName(etherType: number): string {
  if (etherType < ETHERTYPE_MIN) return '802.3';
  return ETHER_TYPES[etherType] ?? `ethertype-0x${etherType.toString(16).padStart(4, '0')}`;
}
