/** Where in the engine something went wrong; absent facts are left out. */
export interface EngineErrorDetail {
  readonly design?: string;
  readonly threadIndex?: number;
  /** Packet in progress, counted from 0 by the caller. */
  readonly packetIndex?: number;
  readonly reason: string;
  /** What the user can do about it, as a sentence. */
  readonly advice?: string;
  readonly cause?: unknown;
}

/** The engine cannot be built, laid out or started, or it stopped: a broken invariant or an aborted run. */
export class EngineError extends Error {
  readonly design: string | null;
  readonly threadIndex: number | null;
  readonly packetIndex: number | null;

  constructor(detail: EngineErrorDetail) {
    super(describe(detail), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'EngineError';
    this.design = detail.design ?? null;
    this.threadIndex = detail.threadIndex ?? null;
    this.packetIndex = detail.packetIndex ?? null;
  }
}

function describe(detail: EngineErrorDetail): string {
  const where: string[] = [];
  if (detail.design !== undefined) where.push(`design ${detail.design}`);
  if (detail.threadIndex !== undefined) where.push(`thread ${detail.threadIndex}`);
  if (detail.packetIndex !== undefined) where.push(`packet ${detail.packetIndex}`);
  const place = where.length === 0 ? '' : `${where.join(', ')}: `;
  return `${place}${detail.reason}.${detail.advice === undefined ? '' : ` ${detail.advice}`}`;
}
