/** The lines and segments of an FTP session (RFC 959, RFC 2428), as steps that a table of sessions walks through. */
import { formatAddress } from '../../engine/host/addresses.js';
import { ipv4Text } from './addresses.js';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN } from './headers.js';
import { host6 } from './packet-writer.js';
import type { IpFamily } from './packet-writer.js';

/** One segment, or for `file` and `fileAck` as many as the file needs. */
export interface FtpStep {
  connection: 'control' | 'data';
  from: 'client' | 'server';
  flags: number;
  /** Fixed text, or what only the session knows: the address lines and the file. */
  content: Uint8Array | null | 'port' | 'passive' | 'file' | 'fileAck';
}

export interface FtpScript {
  steps: readonly FtpStep[];
  /** The first step of a transfer, to which a session with another transfer returns. */
  transferStart: number;
  /** The first step after a transfer. */
  transferEnd: number;
}

const encoder = new TextEncoder();

function say(from: FtpStep['from'], line: string): FtpStep {
  return { connection: 'control', from, flags: TCP_PSH | TCP_ACK, content: encoder.encode(`${line}\r\n`) };
}

function segment(connection: FtpStep['connection'], from: FtpStep['from'], flags: number): FtpStep {
  return { connection, from, flags, content: null };
}

function handshake(connection: FtpStep['connection'], opener: FtpStep['from']): FtpStep[] {
  const other = opener === 'client' ? 'server' : 'client';
  return [
    segment(connection, opener, TCP_SYN),
    segment(connection, other, TCP_SYN | TCP_ACK),
    segment(connection, opener, TCP_ACK),
  ];
}

/** Steps of a session over one family with active (PORT, EPRT) or passive (PASV, EPSV) transfers. */
export function ftpScript(family: IpFamily, active: boolean): FtpScript {
  const login = [
    ...handshake('control', 'client'),
    say('server', '220 ctreplay FTP server ready.'),
    say('client', 'USER anonymous'),
    say('server', '331 Please specify the password.'),
    say('client', 'PASS guest@example.com'),
    say('server', '230 Login successful.'),
  ];
  const announce: FtpStep[] = active
    ? [
        { connection: 'control', from: 'client', flags: TCP_PSH | TCP_ACK, content: 'port' },
        say('server', `200 ${family === 4 ? 'PORT' : 'EPRT'} command successful.`),
      ]
    : [
        say('client', family === 4 ? 'PASV' : 'EPSV'),
        { connection: 'control', from: 'server', flags: TCP_PSH | TCP_ACK, content: 'passive' },
      ];
  const transfer: FtpStep[] = [
    ...announce,
    say('client', 'RETR file.bin'),
    ...handshake('data', active ? 'server' : 'client'),
    say('server', '150 Opening BINARY mode data connection.'),
    { connection: 'data', from: 'server', flags: TCP_ACK, content: 'file' },
    { connection: 'data', from: 'client', flags: TCP_ACK, content: 'fileAck' },
    segment('data', 'server', TCP_FIN | TCP_ACK),
    segment('data', 'client', TCP_FIN | TCP_ACK),
    segment('data', 'server', TCP_ACK),
    say('server', '226 Transfer complete.'),
    segment('control', 'client', TCP_ACK),
  ];
  const farewell = [
    say('client', 'QUIT'),
    say('server', '221 Goodbye.'),
    segment('control', 'client', TCP_FIN | TCP_ACK),
    segment('control', 'server', TCP_FIN | TCP_ACK),
    segment('control', 'client', TCP_ACK),
  ];
  return {
    steps: [...login, ...transfer, ...farewell],
    transferStart: login.length,
    transferEnd: login.length + transfer.length,
  };
}

/** The client's line that names where it listens: PORT (RFC 959) or EPRT (RFC 2428). */
export function portLine(family: IpFamily, host: number, port: number): Uint8Array {
  if (family === 6) return encoder.encode(`EPRT |2|${formatAddress(6, host6(host))}|${port}|\r\n`);
  return encoder.encode(`PORT ${commas(host, port)}\r\n`);
}

/** The server's line that names where it listens: 227 (RFC 959) or 229 (RFC 2428). */
export function passiveLine(family: IpFamily, host: number, port: number): Uint8Array {
  if (family === 6) return encoder.encode(`229 Entering Extended Passive Mode (|||${port}|)\r\n`);
  return encoder.encode(`227 Entering Passive Mode (${commas(host, port)}).\r\n`);
}

function commas(host: number, port: number): string {
  return `${ipv4Text(host).replaceAll('.', ',')},${port >>> 8},${port & 255}`;
}
