#!/usr/bin/env python3
"""The UDP side of record.sh.

udp-peer.py echo ADDRESS PORT [DELAY_S]           answers every datagram with its own bytes, after a delay
udp-peer.py send ADDRESS PORT SIZE [options]      sends datagrams and waits for the answers
  --from PORT[-PORT]  one socket for each source port     --count N  datagrams for each socket
  --ttl N             time to live                        --deaf     close the sockets without waiting
"""
import argparse
import socket
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo(args):
    sock = socket.socket(family(args.address), socket.SOCK_DGRAM)
    sock.bind((args.address, args.port))
    while True:
        data, peer = sock.recvfrom(65535)
        time.sleep(args.delay)
        sock.sendto(data, peer)


def send(args):
    first, _, last = args.source.partition("-")
    sockets = []
    for port in range(int(first), int(last or first) + 1):
        sock = socket.socket(family(args.address), socket.SOCK_DGRAM)
        sock.bind(("", port))
        if args.ttl:
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, args.ttl)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, args.ttl)
        sock.settimeout(0.3)
        sockets.append(sock)
    for number in range(args.count):
        for sock in sockets:
            payload = bytes((number + index) % 251 for index in range(args.size))
            try:
                sock.sendto(payload, (args.address, args.port))
            except OSError as error:  # an ICMP error about an earlier datagram
                print(error)
            time.sleep(0.02)
        if args.deaf:
            return
        for sock in sockets:
            try:
                sock.recv(65535)
            except OSError as error:
                print(error)


parser = argparse.ArgumentParser()
verbs = parser.add_subparsers(required=True)
verb = verbs.add_parser("echo")
verb.set_defaults(run=echo)
verb.add_argument("address")
verb.add_argument("port", type=int)
verb.add_argument("delay", type=float, nargs="?", default=0)
verb = verbs.add_parser("send")
verb.set_defaults(run=send)
verb.add_argument("address")
verb.add_argument("port", type=int)
verb.add_argument("size", type=int)
verb.add_argument("--from", dest="source", default="3000")
verb.add_argument("--count", type=int, default=1)
verb.add_argument("--ttl", type=int)
verb.add_argument("--deaf", action="store_true")
arguments = parser.parse_args()
arguments.run(arguments)
