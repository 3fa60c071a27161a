import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { OvsNotInstalledError } from './conform-error.js';

/** The programs and the one data file that a sandbox needs, as absolute paths. */
export interface OvsPrograms {
  readonly ovsdbTool: string;
  readonly ovsdbServer: string;
  readonly vswitchd: string;
  readonly vsctl: string;
  readonly ofctl: string;
  /** Schema of the Open_vSwitch database. */
  readonly schema: string;
}

/** Daemons live in sbin, which is not on every user's PATH. */
const EXTRA_DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const SCHEMA_PATHS = [
  '/usr/share/openvswitch/vswitch.ovsschema',
  '/usr/local/share/openvswitch/vswitch.ovsschema',
];

/**
 * Finds Open vSwitch on this machine.
 * @param searchPath directories to look in, separated as in PATH; the usual sbin directories are added
 * @param schemaPaths where the database schema may be
 * @throws OvsNotInstalledError naming the first missing part
 */
export function findOvsPrograms(
  searchPath: string,
  schemaPaths: readonly string[] = SCHEMA_PATHS,
): OvsPrograms {
  const directories = [...searchPath.split(delimiter).filter((entry) => entry !== ''), ...EXTRA_DIRECTORIES];
  return findIn(directories, schemaPaths);
}

/** As {@link findOvsPrograms}, in exactly these directories. */
export function findIn(directories: readonly string[], schemaPaths: readonly string[]): OvsPrograms {
  const find = (name: string): string => {
    for (const directory of directories) {
      const path = join(directory, name);
      if (isExecutableFile(path)) return path;
    }
    throw new OvsNotInstalledError(name);
  };
  const programs = {
    vswitchd: find('ovs-vswitchd'),
    ovsdbServer: find('ovsdb-server'),
    ovsdbTool: find('ovsdb-tool'),
    vsctl: find('ovs-vsctl'),
    ofctl: find('ovs-ofctl'),
  };
  const schema = schemaPaths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (schema === undefined) throw new OvsNotInstalledError('vswitch.ovsschema');
  return { ...programs, schema };
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
