/** Open vSwitch is not installed (or not all of it): the message is the one sentence a user needs. */
export class OvsNotInstalledError extends Error {
  constructor(missing: string) {
    super(
      `Open vSwitch is not installed: '${missing}' was not found; install it (Debian and Ubuntu: apt-get install openvswitch-switch) and run again.`,
    );
    this.name = 'OvsNotInstalledError';
  }
}

/** Open vSwitch is there, but did not start, configure, answer or forward as asked. */
export class OvsFailedError extends Error {
  constructor(what: string, options?: { cause?: unknown }) {
    super(what, options);
    this.name = 'OvsFailedError';
  }
}

/** What to run through the trackers contradicts itself, or Open vSwitch has no words for it. */
export class ConformSetupError extends Error {
  /** Exit code of the command line. */
  readonly exitCode = 2;

  constructor(where: string, reason: string) {
    super(`${where}: ${reason}`);
    this.name = 'ConformSetupError';
  }
}
