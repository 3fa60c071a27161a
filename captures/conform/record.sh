#!/bin/bash
# Records the captures of this folder: see README.md. Needs root, Open vSwitch, vsftpd, curl, tftpd-hpa, tftp-hpa,
# tcpdump, mergecap, ethtool, iproute2, ping and python3.
#
#   cl 10.1.1.1 --- vc [Open vSwitch, userspace datapath, ct()] vr --- 10.1.1.254 rt 10.2.2.254 --- 10.2.2.2 sv
#
# Both of the switch's ports are captured, each only in the direction into the switch, and the two are merged: that is
# what the tracker saw, with replies addressed to the translated tuple.
#
# usage: record.sh [NAME...]   (all when no name is given)
set -eu
missing=()
for program in ovs-vswitchd ovs-vsctl vsftpd curl in.tftpd tftp tcpdump mergecap ethtool ip ping python3; do
  command -v $program >/dev/null 2>&1 || missing+=($program)
done
if [ ${#missing[@]} -gt 0 ]; then echo "missing programs: ${missing[*]}. Install them first." >&2; exit 1; fi
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export OVS_RUNDIR=$work OVS_DBDIR=$work OVS_LOGDIR=$work OVS_SYSCONFDIR=$work
snat4=10.33.33.100 snat6=fc00:3::1:100 vip=10.44.44.44
started=() made=()

cleanup() {
  # Servers fork: what still runs in the namespaces made here ends with them. A namespace that was there before is not touched.
  for ns in "${made[@]}"; do
    for pid in $(ip netns pids "$ns" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
  done
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for file in "$work"/*.pid; do kill "$(cat "$file")" 2>/dev/null || true; done
  for ns in "${made[@]}"; do ip netns del "$ns" 2>/dev/null || true; done
  for dev in vc vr; do ip link del $dev 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

in_ns() { ip netns exec "$@"; }
serve() { ip netns exec sv "$@" >"$work/served.log" 2>&1 & started+=($!); }

lab() {
  for ns in cl rt sv; do ip netns add $ns; made+=($ns); ip -n $ns link set lo up; done
  ip link add vc type veth peer name c0 netns cl
  ip link add vr type veth peer name r0 netns rt
  ip -n rt link add r1 type veth peer name s0 netns sv
  ip -n cl link set c0 address 02:00:00:00:01:01
  ip -n rt link set r0 address 02:00:00:00:01:fe
  ip -n rt link set r1 address 02:00:00:00:02:fe
  ip -n sv link set s0 address 02:00:00:00:02:02
  # No offload: what is captured must be what was on the wire, with finished checksums.
  for at in cl:c0 rt:r0 rt:r1 sv:s0; do
    in_ns ${at%:*} ethtool -K ${at#*:} tx off tso off gso off gro off >/dev/null
    in_ns ${at%:*} sysctl -qw net.ipv6.conf.${at#*:}.router_solicitations=0
    ip -n ${at%:*} link set ${at#*:} up
  done
  for dev in vc vr; do
    sysctl -qw net.ipv6.conf.$dev.disable_ipv6=1
    ethtool -K $dev tx off tso off gso off gro off >/dev/null
    ip link set $dev up
  done
  ip -n cl addr add 10.1.1.1/24 dev c0;     ip -n cl addr add fc00:1::1/64 dev c0 nodad
  ip -n rt addr add 10.1.1.254/24 dev r0;   ip -n rt addr add fc00:1::fe/64 dev r0 nodad
  ip -n rt addr add 10.2.2.254/24 dev r1;   ip -n rt addr add fc00:2::fe/64 dev r1 nodad
  ip -n sv addr add 10.2.2.2/24 dev s0;     ip -n sv addr add fc00:2::2/64 dev s0 nodad
  ip -n cl route add default via 10.1.1.254; ip -n cl -6 route add default via fc00:1::fe
  ip -n sv route add default via 10.2.2.254; ip -n sv -6 route add default via fc00:2::fe
  in_ns rt sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
  in_ns sv sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
  ip -n rt route add $snat4 dev r0; ip -n rt -6 route add $snat6 dev r0
  # Fixed neighbours: no ARP or neighbour discovery crosses the tracker.
  for address in 10.1.1.1 $snat4 fc00:1::1 $snat6; do
    ip -n rt neigh replace $address lladdr 02:00:00:00:01:01 dev r0 nud permanent
  done
  for address in 10.1.1.254 fc00:1::fe; do
    ip -n cl neigh replace $address lladdr 02:00:00:00:01:fe dev c0 nud permanent
  done
  ovsdb-tool create "$work/conf.db" /usr/share/openvswitch/vswitch.ovsschema
  ovsdb-server --detach --no-chdir --pidfile -vconsole:off --log-file --remote="punix:$work/db.sock" "$work/conf.db"
  ovs-vsctl --no-wait init
  ovs-vswitchd --detach --no-chdir --pidfile -vconsole:off --log-file --disable-system "unix:$work/db.sock"
  ovs-vsctl add-br nat0 -- set bridge nat0 datapath-type=netdev fail-mode=secure \
    -- add-port nat0 vc -- set interface vc ofport_request=1 \
    -- add-port nat0 vr -- set interface vr ofport_request=2
}

# What NAME.yaml asks for, as flows of this switch; then everything valid goes to the other side, except what could not
# be translated.
rules() {
  local all="table=0,priority=1"
  case $1 in
    ftp-snat) cat <<-FLOWS
	table=0,priority=3,tcp,nw_src=10.1.1.0/24,tp_dst=21,actions=ct(zone=1,table=1,commit,nat(src=$snat4),alg=ftp)
	table=0,priority=2,ip,nw_src=10.1.1.0/24,actions=ct(zone=1,table=1,commit,nat(src=$snat4))
	$all,tcp,nw_src=10.2.2.2,actions=ct(zone=1,table=1,commit,nat)
	FLOWS
      ;;
    ftp-snat-ipv6) cat <<-FLOWS
	table=0,priority=3,tcp6,ipv6_src=fc00:1::/64,tp_dst=21,actions=ct(zone=1,table=1,commit,nat(src=[$snat6]),alg=ftp)
	table=0,priority=2,ipv6,ipv6_src=fc00:1::/64,actions=ct(zone=1,table=1,commit,nat(src=[$snat6]))
	$all,tcp6,ipv6_src=fc00:2::2,actions=ct(zone=1,table=1,commit,nat)
	FLOWS
      ;;
    ftp-dnat) cat <<-FLOWS
	table=0,priority=3,tcp,nw_src=10.1.1.0/24,nw_dst=$vip,tp_dst=21,actions=ct(zone=2,table=1,commit,nat(dst=10.2.2.2),alg=ftp)
	table=0,priority=2,ip,nw_src=10.1.1.0/24,nw_dst=$vip,actions=ct(zone=2,table=1,commit,nat(dst=10.2.2.2))
	$all,tcp,nw_src=10.2.2.2,actions=ct(zone=2,table=1,commit,nat)
	FLOWS
      ;;
    tftp-snat) cat <<-FLOWS
	table=0,priority=3,udp,nw_src=10.1.1.0/24,tp_dst=69,actions=ct(zone=1,table=1,commit,nat(src=$snat4),alg=tftp)
	table=0,priority=2,ip,nw_src=10.1.1.0/24,actions=ct(zone=1,table=1,commit,nat(src=$snat4))
	$all,udp,nw_src=10.2.2.2,actions=ct(zone=1,table=1,commit,nat)
	FLOWS
      ;;
    snat) cat <<-FLOWS
	table=0,priority=2,ip,nw_src=10.1.1.0/24,actions=ct(zone=1,table=1,commit,nat(src=$snat4))
	$all,ip,actions=ct(zone=1,table=1,nat)
	FLOWS
      ;;
    snat-ipv6) cat <<-FLOWS
	table=0,priority=2,ipv6,ipv6_src=fc00:1::/64,actions=ct(zone=1,table=1,commit,nat(src=[$snat6]))
	$all,ipv6,actions=ct(zone=1,table=1,nat)
	FLOWS
      ;;
    dnat) cat <<-FLOWS
	table=0,priority=3,udp,nw_src=10.1.1.0/24,nw_dst=$vip,tp_dst=1009,actions=ct(zone=2,table=1,commit,nat(dst=10.2.2.2:9))
	table=0,priority=2,ip,nw_src=10.1.1.0/24,nw_dst=$vip,actions=ct(zone=2,table=1,commit,nat(dst=10.2.2.2))
	$all,ip,actions=ct(zone=2,table=1,nat)
	FLOWS
      ;;
    snat-port-range) cat <<-FLOWS
	table=0,priority=2,ip,nw_src=10.1.1.0/24,actions=ct(zone=1,table=1,commit,nat(src=$snat4:40000-40007))
	$all,ip,actions=ct(zone=1,table=1,nat)
	FLOWS
      ;;
  esac >"$work/flows"
  cat >>"$work/flows" <<-FLOWS
	table=1,priority=3,ct_state=+new-snat-dnat,actions=drop
	table=1,priority=2,in_port=1,ct_state=+trk-inv,actions=2
	table=1,priority=2,in_port=2,ct_state=+trk-inv,actions=1
	FLOWS
  ovs-ofctl del-flows nat0
  ovs-ofctl add-flows nat0 "$work/flows"
  ovs-appctl -t ovs-vswitchd dpctl/flush-conntrack
}

# record NAME PLAN FILTER COMMAND...
record() {
  local name=$1 plan=$2 filter=$3; shift 3
  rules "$plan"
  tcpdump -i vc -Q in -U -w "$work/c.pcap" "$filter" 2>/dev/null & local a=$!; started+=($a)
  tcpdump -i vr -Q in -U -w "$work/r.pcap" "$filter" 2>/dev/null & local b=$!; started+=($b)
  sleep 1
  "$@"
  sleep 1
  kill $a $b; wait $a $b || true
  mergecap -F pcap -w "$here/$name.pcap" "$work/c.pcap" "$work/r.pcap"
  echo "$name.pcap: $(tcpdump -r "$here/$name.pcap" 2>/dev/null | wc -l) packets"
}

ftp_server() {
  mkdir -p "$work/ftp" /var/run/vsftpd/empty
  seq 1 700 >"$work/ftp/numbers.txt"; echo hello >"$work/ftp/hello.txt"; chmod -R go+rX "$work"
  cat >"$work/vsftpd.conf" <<-CONF
	listen_ipv6=YES
	background=NO
	anonymous_enable=YES
	anon_root=$work/ftp
	no_anon_password=YES
	connect_from_port_20=YES
	secure_chroot_dir=/var/run/vsftpd/empty
	seccomp_sandbox=NO
	isolate=NO
	isolate_network=NO
	CONF
  serve vsftpd "$work/vsftpd.conf"
  sleep 0.5
}

tftp_server() {
  mkdir -p "$work/tftp"; seq 1 400 >"$work/tftp/numbers.txt"; chmod -R go+rX "$work"
  serve in.tftpd --foreground --address 10.2.2.2:69 --secure "$work/tftp"
  sleep 0.5
}

get() { in_ns cl curl -sS --max-time 20 "$@" >/dev/null; }
udp() { in_ns cl python3 "$here/udp-peer.py" send "$@" || true; }

ftp_active() { get -P - --disable-eprt ftp://10.2.2.2/hello.txt ftp://10.2.2.2/numbers.txt ftp://10.2.2.2/; }
ftp_passive() { get --disable-epsv ftp://10.2.2.2/hello.txt ftp://10.2.2.2/numbers.txt ftp://10.2.2.2/; }
ftp_ipv6() {
  get -P - "ftp://[fc00:2::2]/hello.txt" "ftp://[fc00:2::2]/"
  get "ftp://[fc00:2::2]/hello.txt" "ftp://[fc00:2::2]/"
}
ftp_dnat() {
  get --disable-epsv ftp://$vip/hello.txt ftp://$vip/
  get -P - --disable-eprt ftp://$vip/hello.txt
}
tftp_get() { (cd "$work" && in_ns cl tftp -m binary 10.2.2.2 -c get numbers.txt && in_ns cl tftp -m binary 10.2.2.2 -c get absent.txt) || true; }
icmp_errors() {
  in_ns cl ping -c 2 -i 0.2 10.2.2.2 >/dev/null
  udp 10.2.2.2 9 20 --from 3001               # port unreachable, from the server
  udp 10.2.2.2 7 20 --from 3002 --ttl 1       # time exceeded, from the router
  udp 10.2.2.77 7 20 --from 3003 || true      # host unreachable, from the router, seconds later
  ip -n rt link set r1 mtu 1280
  udp 10.2.2.2 7 1400 --from 3004 --count 2   # fragmentation needed, from the router
  ip -n rt link set r1 mtu 1500
  udp 10.2.2.2 8 20 --from 3005 --deaf        # port unreachable, from the client, about the server's late answer
  get --connect-timeout 1 http://10.2.2.2:81/ || true   # reset
  sleep 3
}
icmp_errors_ipv6() {
  in_ns cl ping -c 2 -i 0.2 fc00:2::2 >/dev/null
  udp fc00:2::2 9 20 --from 3001              # port unreachable, from the server
  udp fc00:2::2 7 20 --from 3002 --ttl 1      # time exceeded, from the router
  ip -n rt link set r1 mtu 1280
  udp fc00:2::2 7 1400 --from 3004 --count 2  # packet too big, from the router; twice, as this switch garbles the MTU
  ip -n rt link set r1 mtu 1500
  udp fc00:2::2 8 20 --from 3005 --deaf       # port unreachable, from the client, about the server's late answer
  get --connect-timeout 1 "http://[fc00:2::2]:81/" || true   # reset
  sleep 3
}
icmp_errors_dnat() {
  in_ns cl ping -c 2 -i 0.2 $vip >/dev/null
  udp $vip 9 20 --from 3001                   # port unreachable, from the server
  udp $vip 1009 20 --from 3006                # the same with a translated port
  udp $vip 7 20 --from 3002 --ttl 1           # time exceeded, from the router
  udp $vip 8 20 --from 3005 --deaf            # port unreachable, from the client, about the server's late answer
  get --connect-timeout 1 http://$vip:81/ || true   # reset
  sleep 3
}
udp_fragments() {
  ip -n cl route flush cache                  # forget what the ICMP errors said about the path
  udp 10.2.2.2 7 4000 --from 4001 --count 3
  udp 10.2.2.2 7 2000 --from 4002
  udp 10.2.2.2 7 100 --from 4001
}
port_range() {
  udp 10.2.2.2 7 16 --from 5001-5012 --count 3
  sleep 65                                    # past every UDP timeout
  udp 10.2.2.2 7 16 --from 5009-5020 --count 2
}

lab
ftp_server
tftp_server
serve python3 "$here/udp-peer.py" echo 10.2.2.2 7
serve python3 "$here/udp-peer.py" echo 10.2.2.2 8 0.5
serve python3 "$here/udp-peer.py" echo fc00:2::2 7
serve python3 "$here/udp-peer.py" echo fc00:2::2 8 0.5
sleep 0.5
[ $# -gt 0 ] || set -- ftp-active-snat ftp-passive-snat ftp-ipv6-snat ftp-dnat tftp-snat icmp-errors-snat icmp-errors-snat-ipv6 icmp-errors-dnat udp-fragments-snat snat-port-range
for name; do
  case $name in
    ftp-active-snat) record $name ftp-snat 'ip and tcp' ftp_active ;;
    ftp-passive-snat) record $name ftp-snat 'ip and tcp' ftp_passive ;;
    ftp-ipv6-snat) record $name ftp-snat-ipv6 'ip6 and tcp' ftp_ipv6 ;;
    ftp-dnat) record $name ftp-dnat 'ip and tcp' ftp_dnat ;;
    tftp-snat) record $name tftp-snat 'ip and udp' tftp_get ;;
    icmp-errors-snat) record $name snat 'ip' icmp_errors ;;
    icmp-errors-snat-ipv6) record $name snat-ipv6 'ip6' icmp_errors_ipv6 ;;
    icmp-errors-dnat) record $name dnat 'ip' icmp_errors_dnat ;;
    udp-fragments-snat) record $name snat 'ip and udp or ip[6:2] & 0x1fff != 0' udp_fragments ;;
    snat-port-range) record $name snat-port-range 'ip and udp' port_range ;;
    *) echo "no recording named '$name'" >&2; exit 2 ;;
  esac
done
