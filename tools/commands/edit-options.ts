/** What is changed in the traffic, or left out of it, before any clock runs; the same in every command that replays. */
import type { Command } from 'commander';
import { compileFilter } from '../rewrite/filter.js';
import { parseIpMap } from '../rewrite/ip-map.js';
import { parseSnapLength } from '../rewrite/snap-length.js';
import { checked, duration } from './option-values.js';

/** Values as commander leaves them. */
export interface EditFlags {
  readonly filter?: string;
  readonly srcipmap?: string;
  readonly dstipmap?: string;
  readonly snaplen?: number;
  /** Milliseconds. */
  readonly maxGap?: number;
}

/** Adds the options to a command. */
export function addEditOptions(command: Command): void {
  command
    .option(
      '--filter <expression>',
      "packets to keep, e.g. 'tcp and port 21' (a subset of pcap-filter)",
      checked(checkedFilter),
    )
    .option(
      '--srcipmap <maps>',
      'move source addresses: CIDR:CIDR, several joined by commas; replies need --dstipmap too',
      checked(checkedIpMap),
    )
    .option('--dstipmap <maps>', 'move destination addresses', checked(checkedIpMap))
    .option('--snaplen <bytes>', 'keep this many bytes of each frame', checked(parseSnapLength))
    .option(
      '--max-gap <seconds>',
      'shorten longer pauses between packets of the traffic to this; also 500ms, 5m',
      duration('s'),
    );
}

/** The expression, once it is known to be one. */
export function checkedFilter(expression: string): string {
  compileFilter(expression);
  return expression;
}

/** The maps as text, once they are known to be maps. */
export function checkedIpMap(maps: string): string {
  parseIpMap(maps);
  return maps;
}
