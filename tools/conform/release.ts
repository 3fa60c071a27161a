/** Which release of Open vSwitch a version line names, and what it has. */

/** Major, minor, patch. */
export type Release = readonly [major: number, minor: number, patch: number];

/** The release in a line of `ovs-vswitchd --version`; null from one without a number. */
export function releaseOf(version: string): Release | null {
  const found = /\b(\d+)\.(\d+)\.(\d+)/.exec(version);
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3])];
}

/**
 * Whether a version line names one of these releases or a later one: on a branch that is listed, from the patch given on;
 * on others, when the branch came after the last one listed.
 * @param firsts in ascending order, one for each branch
 */
export function isSince(version: string, firsts: readonly Release[]): boolean {
  const release = releaseOf(version);
  const last = firsts.at(-1);
  if (release === null || last === undefined) return false;
  const [major, minor, patch] = release;
  const sameBranch = firsts.find((each) => each[0] === major && each[1] === minor);
  if (sameBranch !== undefined) return patch >= sameBranch[2];
  return major > last[0] || (major === last[0] && minor > last[1]);
}
