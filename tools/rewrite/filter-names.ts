/** Names that stand for numbers in filters. */

/** Keywords that are a whole condition: the IP versions that carry the protocol, and its number. */
export const PROTOCOL_WORDS: Readonly<
  Record<string, { readonly families: readonly (4 | 6)[]; readonly number: number }>
> = {
  tcp: { families: [4, 6], number: 6 },
  udp: { families: [4, 6], number: 17 },
  sctp: { families: [4, 6], number: 132 },
  esp: { families: [4, 6], number: 50 },
  icmp: { families: [4], number: 1 },
  icmp6: { families: [6], number: 58 },
  igmp: { families: [4], number: 2 },
};

/** Protocol numbers by the names of IANA's registry that `proto` takes. */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmp6: 58,
  'ipv6-icmp': 58,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
};

/** Protocols whose ports `port` looks at, as in pcap-filter. */
export const PORT_PROTOCOLS: readonly number[] = [6, 17, 132];

/** Well-known services, a few of IANA's registry. */
export const SERVICE_PORTS: Readonly<Record<string, number>> = {
  'ftp-data': 20,
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  tftp: 69,
  http: 80,
  pop3: 110,
  ntp: 123,
  imap: 143,
  snmp: 161,
  https: 443,
};

/** Words of pcap-filter that look at other things than tuples. */
export const UNSUPPORTED_WORDS: ReadonlySet<string> = new Set(
  (
    'ether link fddi tr wlan ppp slip aarp atalk decnet iso clnp esis isis lat mopdl moprc netbeui stp ipx rarp ' +
    'gateway broadcast multicast protochain ifname on rnr rulenum reason rset ruleset srnr subrulenum action type subtype ' +
    'dir mpls pppoed pppoes geneve vxlan inbound outbound iface len'
  ).split(' '),
);
