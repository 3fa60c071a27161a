#!/bin/bash
# Records ../office-mix.pcap: see ../README.md. Needs root, iproute2, ethtool, tcpdump, python3, curl, ping and vsftpd.
#
#   omcl 10.20.0.11-40, fd20::11-40 --- gateway omgw [tcpdump] --- omsv 203.0.113.10-13, 2001:db8:113::10
#
# An office of thirty hosts behind a gateway; the servers stand on its other side. Captured is the gateway's office
# side, both directions: what a connection tracker in the gateway sees.
#
# usage: record.sh [OUTPUT]   (default ../office-mix.pcap)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath "${1:-$here/../office-mix.pcap}")
work=$(mktemp -d)
started=()

cleanup() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for ns in omcl omgw omsv; do ip netns del $ns 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

in_ns() { ip netns exec "$@"; }
# Not through in_ns: a function in the background would be a shell of its own, and $! its number.
serve() { ip netns exec omsv "$@" >>"$work/served.log" 2>&1 & started+=($!); }

for ns in omcl omgw omsv; do ip netns add $ns; ip -n $ns link set lo up; done
ip -n omcl link add c0 type veth peer name g0 netns omgw
ip -n omgw link add g1 type veth peer name s0 netns omsv
# No offload: what is captured must be what was on the wire, with finished checksums.
for at in omcl:c0 omgw:g0 omgw:g1 omsv:s0; do
  in_ns ${at%:*} ethtool -K ${at#*:} tx off tso off gso off gro off >/dev/null
  in_ns ${at%:*} sysctl -qw net.ipv6.conf.${at#*:}.router_solicitations=0
  ip -n ${at%:*} link set ${at#*:} up
done
for host in $(seq 11 40); do
  ip -n omcl addr add 10.20.0.$host/24 dev c0
  ip -n omcl addr add fd20::$host/64 dev c0 nodad
done
ip -n omgw addr add 10.20.0.1/24 dev g0;    ip -n omgw addr add fd20::1/64 dev g0 nodad
ip -n omgw addr add 203.0.113.1/24 dev g1;  ip -n omgw addr add 2001:db8:113::1/64 dev g1 nodad
for host in 10 11 12 13; do ip -n omsv addr add 203.0.113.$host/24 dev s0; done
ip -n omsv addr add 2001:db8:113::10/64 dev s0 nodad
ip -n omcl route add default via 10.20.0.1;   ip -n omcl -6 route add default via fd20::1
ip -n omsv route add default via 203.0.113.1; ip -n omsv -6 route add default via 2001:db8:113::1
in_ns omgw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0
in_ns omsv sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000
# Behind the gateway, but answered by nobody: what a scan of a silent host looks like.
ip -n omgw neigh replace 203.0.113.99 lladdr 02:00:00:00:00:99 dev g1 nud permanent

mkdir -p "$work/ftp" /var/run/vsftpd/empty
seq 1 900 >"$work/ftp/numbers.txt"; echo hello >"$work/ftp/hello.txt"; chmod -R go+rX "$work"
cat >"$work/vsftpd.conf" <<CONF
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
serve python3 "$here/traffic.py" serve
sleep 1

ip netns exec omgw tcpdump -i g0 -B 16384 -w "$work/office.pcap" \
  'ip or (ip6 and not (icmp6 and ip6[40] >= 130))' 2>"$work/tcpdump.log" & dump=$!
sleep 1

fetch() { in_ns omcl curl -sS --max-time 20 "$@" >/dev/null; }
files() {
  for round in 1 2 3; do
    for host in 12 17 23 31; do
      fetch --interface 10.20.0.$host -P - --disable-eprt ftp://203.0.113.12/hello.txt ftp://203.0.113.12/
      fetch --interface 10.20.0.$host --disable-epsv ftp://203.0.113.12/numbers.txt ftp://203.0.113.12/hello.txt
      fetch --interface fd20::$host -P - "ftp://[2001:db8:113::10]/hello.txt"
      fetch --interface fd20::$host "ftp://[2001:db8:113::10]/hello.txt" "ftp://[2001:db8:113::10]/"
      sleep 0.5
    done
  done
}
browsing() {
  for round in $(seq 1 60); do
    host=$((11 + round % 30))
    # One connection kept for several pages.
    fetch --interface 10.20.0.$host -A office http://203.0.113.10/{a,b,c,d,e,f}
    fetch --interface fd20::$host -A office "http://[2001:db8:113::10]/"{a,b,c}
  done
}
pings() {
  in_ns omcl ping -q -i 0.1 -c 100 -I 10.20.0.14 203.0.113.11 >/dev/null & local a=$!
  in_ns omcl ping -q -i 0.1 -c 100 -I fd20::19 2001:db8:113::10 >/dev/null & local b=$!
  in_ns omcl ping -q -i 0.2 -c 20 -I 10.20.0.25 203.0.113.99 >/dev/null || true
  wait $a $b
}
files & f=$!
browsing & b=$!
pings & p=$!
in_ns omcl python3 "$here/traffic.py" play
wait $f $b $p
sleep 1
kill $dump; wait $dump || true
grep -q '^0 packets dropped by kernel' "$work/tcpdump.log" || { cat "$work/tcpdump.log" >&2; exit 1; }
mv "$work/office.pcap" "$output"
chmod 644 "$output"
echo "$output: $(tcpdump -r "$output" 2>/dev/null | wc -l) packets, $(stat -c %s "$output") bytes"
