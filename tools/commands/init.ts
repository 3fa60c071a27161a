/** `ctreplay init <capture>`: a gate in a repository of one's own: configuration, baseline folder and workflow. */
import { writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import { isRepeatable, regularFileBytes } from '../captures/capture-files.js';
import { packageVersion } from '../result/tool-version.js';
import { makeFolder } from '../result/write-file.js';
import { filesOf } from './capture-options.js';
import { wholeNumber } from './option-values.js';
import { UsageError } from './usage-error.js';

const CONFIG_FILE = 'ctreplay.yaml';
const BASELINE = 'ctreplay-baseline';
const WORKFLOW = '.github/workflows/ctreplay.yml';

interface InitFlags {
  readonly config?: string;
  readonly limit: number;
  readonly force?: boolean;
}

/** What the gate is about, for those who find the files. */
const WHAT_IS_GATED = `What is gated is the engine of the installed ctreplay on your traffic: what it decides of each packet and the work it does for it (exact), and how
the designs stand to each other in throughput, latency and lag (ratios). It tells when a new version of ctreplay, another configuration of zones,
timeouts or NAT, or another capture changes that. It does not measure your own switch.`;

/** Adds `init` to the program. */
export function register(program: Command): void {
  program
    .command('init')
    .summary('a gate in your own repository: configuration, baseline folder, workflow')
    .description(
      `Writes ${CONFIG_FILE}, ${BASELINE}/ and ${WORKFLOW} into the current folder, with your capture in them. ${WHAT_IS_GATED.replaceAll('\n', ' ')}`,
    )
    .argument('<capture>', 'capture in this repository, or a quoted pattern')
    .option('--config <file>', 'configuration of the tracker: zones, timeouts, NAT (docs/config.md)')
    .option(
      '--limit <packets>',
      'packets of the capture that are used',
      wholeNumber(1, 1e10, 'packets'),
      20_000,
    )
    .option('--force', 'replace files that are there')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay init captures/office.pcap --config gateway.yaml && ctreplay regress --config ctreplay.yaml --baseline ctreplay-baseline --level exact --update',
    )
    .action(init);
}

async function init(capture: string, flags: InitFlags): Promise<void> {
  if (isAbsolute(capture))
    throw new UsageError(`${capture} is no path of this repository; name the capture relative to it`);
  const files = filesOf([capture]);
  const missing = files.find((file) => !isRepeatable(file) || regularFileBytes(file) === 0);
  if (missing !== undefined) throw new UsageError(`${missing}: there is no such capture, or it is empty`);
  const texts = { [CONFIG_FILE]: configText(capture, flags.limit, flags.config), [WORKFLOW]: workflowText() };
  for (const [file, text] of Object.entries(texts)) {
    await makeFolder(dirname(file));
    await writeFile(file, text, { flag: flags.force === true ? 'w' : 'wx' }).catch(
      (error: NodeJS.ErrnoException) => {
        throw error.code === 'EEXIST'
          ? new UsageError(`${file} is there already; --force replaces it`)
          : error;
      },
    );
    process.stdout.write(`${file}\n`);
  }
  await makeFolder(BASELINE);
  await writeFile(join(BASELINE, 'README.md'), `${WHAT_IS_GATED}\n`);
  process.stdout.write(
    `${BASELINE}/\n\nNow write the baseline, and commit all of it; the workflow then gates on it:\n` +
      `  ctreplay regress --config ${CONFIG_FILE} --baseline ${BASELINE} --level exact --update\n` +
      'Without --level exact the ratios of the designs are written as well: that takes minutes, and is for one machine.\n',
  );
}

function configText(capture: string, limit: number, config: string | undefined): string {
  const input = { capture, limit, ...(config === undefined ? {} : { config }) };
  const comment = WHAT_IS_GATED.split('\n')
    .map((line) => `# ${line}\n`)
    .join('');
  return (
    comment +
    stringify({
      designs: [...DEFAULT_DESIGNS],
      exact: { inputs: [input] },
      ratios: { designs: [...DEFAULT_DESIGNS], inputs: [input], workers: [1], sessions: 4 },
      // Runs of ctreplay's own scenarios: they gate ctreplay, not this traffic.
      runs: { names: [] },
      thresholds: [],
    })
  );
}

function workflowText(): string {
  return `name: ctreplay
on: [push, pull_request]
permissions:
  contents: read
jobs:
  regress:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 20
      # What counts are compared with was made by one version; raise it together with the baseline.
      - run: npm install --no-save ctreplay@${packageVersion()}
      - run: npx ctreplay regress --config ${CONFIG_FILE} --baseline ${BASELINE} --level exact --junit exact.xml
`;
}
