import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OvsNotInstalledError } from '../../../tools/conform/conform-error.js';
import { findIn } from '../../../tools/conform/ovs-programs.js';

test('a machine without Open vSwitch gets one sentence with the remedy', () => {
  const directory = mkdtempSync(join(tmpdir(), 'programs-'));
  try {
    expect(() => findIn([directory], [])).toThrow(OvsNotInstalledError);
    expect(() => findIn([directory], [])).toThrow(
      /^Open vSwitch is not installed: 'ovs-vswitchd' was not found; install it \(.*apt-get install openvswitch-switch\) and run again\.$/,
    );
    for (const name of ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ovs-ofctl']) {
      writeFileSync(join(directory, name), '');
      chmodSync(join(directory, name), 0o755);
    }
    expect(() => findIn([directory], [])).toThrow("'vswitch.ovsschema' was not found");
    writeFileSync(join(directory, 'schema'), '{}');
    expect(findIn([directory], [join(directory, 'schema')]).vsctl).toBe(join(directory, 'ovs-vsctl'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
