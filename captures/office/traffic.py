#!/usr/bin/env python3
"""The servers and the office hosts of record.sh.

traffic.py serve   HTTP on port 80, DNS on 53, a line protocol for long sessions on 5432
traffic.py play    what thirty hosts do for half a minute, seeded: short HTTP connections, names, sessions, a scan, probes
"""
import random
import socket
import socketserver
import struct
import sys
import threading
import time

HOSTS = [f"10.20.0.{n}" for n in range(11, 41)]
HOSTS6 = [f"fd20::{n}" for n in range(11, 41)]
WEB, NAMES, DATABASE, SILENT = "203.0.113.10", "203.0.113.11", "203.0.113.13", "203.0.113.99"
WEB6 = "2001:db8:113::10"
SECONDS = 24


class Web(socketserver.StreamRequestHandler):
    """Small pages; the connection stays open when the client asks for that."""

    def handle(self):
        while True:
            request = self.rfile.readline()
            keep = b"HTTP/1.1" in request
            while request and (line := self.rfile.readline()) not in (b"\r\n", b""):
                keep = keep and line.lower() != b"connection: close\r\n"
            if not request:
                return
            page = request[4:40] * 4
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
            if not keep:
                return


class Database(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"OK " + line[:20] + b"\n")


class Names(socketserver.BaseRequestHandler):
    """Answers every name with an address, and one in thirty not at all."""

    def handle(self):
        query, sock = self.request
        if query[1] % 30 == 0:
            return
        answer = query[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + query[12:]
        answer += b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04" + socket.inet_aton(WEB)
        sock.sendto(answer, self.client_address)


class ThreadingServer6(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True
    request_queue_size = 512


def serve():
    socketserver.UDPServer.max_packet_size = 512
    servers = [
        ThreadingServer6(("::", 80), Web),
        ThreadingServer6(("::", 5432), Database),
        socketserver.UDPServer((NAMES, 53), Names),
    ]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


def connected(source, target, port, timeout=5.0):
    sock = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET)
    sock.settimeout(timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.bind((source, 0))
    sock.connect((target, port))
    return sock


def until_end(rate, act):
    """Calls act(chance) at random intervals with the given mean rate per second; a late call is not made up for."""
    chance = random.Random(act.__name__)
    end = time.monotonic() + SECONDS
    due = time.monotonic()
    while (due := due + chance.expovariate(rate)) < end:
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            act(chance)
        except OSError as error:
            print(f"{act.__name__}: {error}", file=sys.stderr)


def short_request(chance):
    """Connect, request, response, close."""
    source, target = (chance.choice(HOSTS6), WEB6) if chance.random() < 0.25 else (chance.choice(HOSTS), WEB)
    with connected(source, target, 80) as sock:
        sock.sendall(b"GET /%d HTTP/1.0\r\n\r\n" % chance.randrange(10**6))
        while sock.recv(4096):
            pass


def look_up(chance):
    """One name, asked again once when nobody answers."""
    label = b"h%05d" % chance.randrange(10**5)
    name = bytes([len(label)]) + label + b"\x07example\x03com\0"
    query = struct.pack(">HHHHHH", chance.randrange(1 << 16), 0x0100, 1, 0, 0, 0) + name + b"\0\x01\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.05)
        sock.bind((chance.choice(HOSTS), 0))
        for _ in range(2):
            sock.sendto(query, (NAMES, 53))
            try:
                sock.recv(512)
                return
            except socket.timeout:
                pass


sessions = []


def session(chance):
    """One statement on one of some dozen sessions that last; now and then one leaves, some by reset."""
    if len(sessions) < 60:
        sessions.append(connected(chance.choice(HOSTS), DATABASE, 5432))
    index = chance.randrange(len(sessions))
    sock = sessions[index]
    sock.sendall(b"select %d\n" % chance.randrange(1000))
    sock.recv(4096)
    if chance.random() < 0.005:
        if chance.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        del sessions[index]


def probe(chance):
    """A datagram to a port where nobody listens (an ICMP error comes back), or one that expires in the gateway."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((chance.choice(HOSTS), 0))
        if chance.random() < 0.3:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        sock.sendto(b"probe" * 4, (chance.choice([WEB, NAMES]), chance.randrange(33434, 33600)))


def scan():
    """One host tries 1200 ports of the web server, and 300 of a host that does not answer."""
    for port in range(1, 1201):
        if port in (21, 53, 80):
            continue
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((HOSTS[29], 0))
        sock.connect_ex((WEB, port))
        time.sleep(0.012)
        sock.close()
    silent = []
    for port in range(1, 301):
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((HOSTS[29], 0))
        sock.connect_ex((SILENT, port))
        silent.append(sock)
        time.sleep(0.01)
    time.sleep(2)


def play():
    rates = [(46, short_request), (80, look_up), (80, session), (15, probe)]
    threads = [threading.Thread(target=until_end, args=each) for each in rates]
    threads.append(threading.Thread(target=scan))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sock in sessions:
        sock.close()


{"serve": serve, "play": play}[sys.argv[1]]()
