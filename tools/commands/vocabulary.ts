/**
 * `replay` and `bench` have one vocabulary: what one can measure the other can, under the same name. These are the options that only
 * one of them has, and why; docs/options.md has the table, and a test holds both commands against it.
 */

/** Options of `replay` that `bench` has not. */
export const ONLY_REPLAY: Readonly<Record<string, string>> = {
  '--store':
    'a matrix keeps its inputs in memory: the rate of a source that is read meanwhile would be no figure of a design',
  '--find-max-pps': 'a search goes on by what it finds; the cells of a matrix are known beforehand',
  '--slo': 'what --find-max-pps searches for',
  '--plan': 'a matrix is repeated by its bench.yaml, and gone on with by --resume',
  '--stats': 'watches one run; a matrix says which trial it is at',
  '--stream': 'watches one run; the result of a matrix is there after every group, in --out',
};

/** Options of `bench` that `replay` has not. */
export const ONLY_BENCH: Readonly<Record<string, string>> = {
  '--matrix': 'replay runs one input, one number of workers, one rate',
  '--preset': 'as --matrix',
  '--rates': 'several rates; one is --pps, --mbps, --multiplier or --profile in both',
  '--packets': 'a parameter of scenarios: replay has it with --synth; of a capture, --limit in both',
  '--change': 'of --synth ovs-benchmark, which replay does not run',
  '--sessions': 'each of the --trials of replay is a session of its own',
  '--until-precision': 'adds sessions until it is reached; replay runs --trials',
  '--max-trials': 'bound of --until-precision',
  '--order': 'of the cells of a block; replay draws it at random',
  '--control': 'cells beside those asked for',
  '--probe-cost': 'as --control',
  '--shard': 'a part of a matrix',
  '--resume': 'goes on with a matrix; a replay is short',
  '--list': 'of the cells of a matrix',
  '--dry-run': 'of the trials of a matrix',
};
