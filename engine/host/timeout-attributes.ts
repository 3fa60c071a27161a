/** Attributes of a timeout policy in the engine's order (spec §5, "Attribute order"). */
export const TIMEOUT_ATTRIBUTES = [
  'tcp_syn_sent',
  'tcp_syn_recv',
  'tcp_established',
  'tcp_fin_wait',
  'tcp_close_wait',
  'tcp_last_ack',
  'tcp_time_wait',
  'tcp_close',
  'tcp_syn_sent2',
  'tcp_retransmit',
  'tcp_unack',
  'udp_first',
  'udp_single',
  'udp_multiple',
  'icmp_first',
  'icmp_reply',
] as const;

/** Attribute name to whole seconds; absent attributes get their default. Names match in any case. */
export type TimeoutSeconds = Readonly<Record<string, number>>;

/** What stands for an attribute that is not given. */
const ABSENT = 0xffff_ffff;

/**
 * The values in the engine's order.
 * @throws RangeError naming an attribute that does not exist or a value that is no whole number of seconds
 */
export function attributeValues(seconds: TimeoutSeconds): Uint32Array {
  const values = new Uint32Array(TIMEOUT_ATTRIBUTES.length).fill(ABSENT);
  for (const [name, value] of Object.entries(seconds)) {
    const index = (TIMEOUT_ATTRIBUTES as readonly string[]).indexOf(name.toLowerCase());
    if (index < 0) {
      throw new RangeError(`timeout attribute '${name}' is none of ${TIMEOUT_ATTRIBUTES.join(', ')}`);
    }
    if (!Number.isInteger(value) || value < 0 || value >= ABSENT) {
      throw new RangeError(
        `timeout attribute ${name} is ${value}, not a whole number of seconds below 2^32 - 1`,
      );
    }
    values[index] = value;
  }
  return values;
}
