/** Writing the one file that a command makes. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from '../result/write-file.js';
import { UsageError } from './usage-error.js';

/** What a name can have wrong that is not the disk's fault. */
const FAULTS: Readonly<Record<string, string>> = {
  EEXIST: 'what it is to lie in is a file',
  ENOTDIR: 'what it is to lie in is a file',
  EACCES: 'its folder may not be written to',
  EROFS: 'its folder may not be written to',
};

/**
 * Writes a file whole, in a folder that is made where there is none.
 * @param option that names the file
 * @throws UsageError for a name that cannot be written to, saying why; whatever else the system refuses
 */
export async function writeOutFile(
  file: string,
  content: string | Uint8Array,
  option = '--out',
): Promise<void> {
  const isFolder = await stat(file).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) throw new UsageError(`${option} ${file}: this is a folder; name a file in it`);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeAtomically(file, content);
  } catch (error) {
    const fault = FAULTS[(error as NodeJS.ErrnoException).code ?? ''];
    if (fault === undefined) throw error;
    throw new UsageError(`${option} ${file}: ${fault}; name another file`);
  }
}
