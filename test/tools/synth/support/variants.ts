/** Every scenario with the parameters that reach its different paths, for tests that hold for all of them. */
export interface Variant {
  name: string;
  parameters: Record<string, string | number>;
  /** False where the server answers a translated address, so that one tuple is not one connection. */
  plainConnections: boolean;
}

function variant(name: string, parameters: Variant['parameters'] = {}, plainConnections = true): Variant {
  return { name, parameters, plainConnections };
}

export const VARIANTS: readonly Variant[] = [
  variant('syn-flood'),
  variant('syn-flood', { 'legit-share': 0.4, 'backscatter-share': 0.5, sources: 50 }),
  variant('syn-flood', { 'ip-version': '6', 'legit-share': 0.2, cps: 5000 }),
  variant('nat-exhaustion', {}, false),
  variant('nat-exhaustion', { protocol: 'udp', 'ip-version': '6', ports: 7 }, false),
  variant('ftp-alg', { 'active-flows': 5 }, false),
  variant('ftp-alg', { 'active-flows': 5, nat: 'no', transfers: 3 }),
  variant('ftp-alg', { nat: 'no', cps: 200, 'active-flows': 20 }),
  variant('udp-churn', { 'ip6-share': 0.5 }),
  variant('udp-churn', { cps: 1000, 'active-flows': 50, pps: 10_000 }),
  variant('tcp-crr', { 'active-flows': 20, 'ip6-share': 0.5, 'reset-share': 0.3, 'response-bytes': 5000 }),
  variant('tcp-crr', { cps: 100, 'active-flows': 10, pps: 5000 }),
  variant('tcp-crr', { 'active-flows': 2, 'request-bytes': 300_000, 'ip6-share': 0.5 }),
  variant('established', { 'active-flows': 100 }),
  variant('established', { 'active-flows': 2, 'response-bytes': 0 }),
  variant('established', { 'active-flows': 100, distribution: 'zipf', cps: 1000 }),
  variant('zone-policies', { 'zone-pairs': 3, 'long-share': 0.1 }),
  variant('zone-policies', { cps: 10_000, 'active-flows': 10 }),
  variant('port-scan', { targets: 10 }),
  variant('port-scan', { technique: 'udp', 'ip-version': '6' }),
  variant('port-scan', { technique: 'xmas' }),
  variant('icmp-mix'),
  variant('icmp-mix', { cps: 2000, 'ip6-share': 0 }),
  variant('fragments', { 'shuffle-share': 0, 'loss-share': 0, 'duplicate-share': 0, 'overlap-share': 0 }),
  variant('fragments', { 'overlap-share': 0.5, 'duplicate-share': 0.5, cps: 3000 }),
  variant('elephants-and-mice', { 'ip6-share': 0.5, 'active-flows': 30 }),
  variant('elephants-and-mice', { cps: 500, 'active-flows': 30 }),
  variant('ovs-benchmark', { change: 'yes' }),
  variant('mix', { mix: 'syn-flood=1,established=2,icmp-mix=1', with: 'established.active-flows=50' }),
];

export const title = ({ name, parameters }: Variant): string =>
  `${name} ${Object.entries(parameters)
    .map(([key, value]) => `--${key} ${value}`)
    .join(' ')}`.trim();
