/** A design of the sources; null for one whose sources have an entry of their own. */
export interface DesignSource {
  readonly name: string;
  readonly testsOnly: boolean;
  readonly hasMicro: boolean;
  readonly files: Readonly<Record<string, string>>;
  readonly manifest: {
    readonly testsOnly: boolean;
    readonly traits: Readonly<Record<string, number | boolean>>;
    readonly presets: Readonly<Record<string, number>>;
  } | null;
}

export function designsOf(source: string, fixtures: string | null): DesignSource[];
