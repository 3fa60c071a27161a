/** The part of pcap-parser 0.2.1 that is used; the package ships no types. */
declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events';

  export interface PcapPacket {
    readonly header: {
      readonly timestampSeconds: number;
      /** The raw sub-second field: microseconds by the format the package knows. */
      readonly timestampMicroseconds: number;
      readonly capturedLength: number;
      readonly originalLength: number;
    };
    readonly data: Buffer;
  }

  export function parse(input: EventEmitter): EventEmitter;
}
