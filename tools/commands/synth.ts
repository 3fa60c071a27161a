/** `ctreplay synth NAME -o FILE`: writes a scenario's packets to a capture. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { outputFault } from '../captures/output-file.js';
import { PcapWriter } from '../captures/pcap-writer.js';
import { eventLoopTurn } from '../replay/event-loop.js';
import { ScenarioError } from '../synth/parameters.js';
import { parseNumber } from '../text/quantities.js';
import type { ParameterSpec, ParameterValue } from '../synth/parameters.js';
import { findScenario, openScenario, SCENARIOS } from '../synth/registry.js';
import type { Scenario } from '../synth/scenario.js';
import { describeSuggestedConfig } from '../synth/suggested-config-text.js';
import { drainSourceInTurns, requireTimes } from '../synth/write-capture.js';
import { addSpelling } from './option-values.js';

interface ListOptions {
  readonly list?: boolean;
  readonly json?: boolean;
}

/** Adds `synth` with one subcommand per scenario to the program. */
export function register(program: Command): void {
  const synth = program
    .command('synth')
    .summary('write synthetic traffic to a capture file')
    .description(
      'Writes the packets of a traffic scenario to a nanosecond pcap file: the same packets that --synth feeds directly.',
    )
    .argument('[name]', 'scenario, see --list')
    .option('--list', 'list the scenarios and their parameters')
    .option('--json', 'with --list: as JSON')
    // So that a mistyped scenario is what the error names, not the first of its options.
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', '\nExample:\n  ctreplay synth syn-flood -o flood.pcap --packets 1000000 --seed 1')
    .action((name: string | undefined, options: ListOptions) => {
      if (options.list) process.stdout.write(options.json ? listJson() : listText());
      else if (name === undefined) {
        throw new ScenarioError(
          'name a scenario: ctreplay synth NAME -o FILE; ctreplay synth --list shows them',
        );
      } else findScenario(name);
    });
  for (const scenario of SCENARIOS) addScenario(synth, scenario);
}

function addScenario(synth: Command, scenario: Scenario): void {
  const command = synth
    .command(scenario.name)
    .summary(scenario.summary)
    .description(`${scenario.summary}. Numbers take the suffixes k, M and G.`)
    .requiredOption('-o, --out <file>', 'pcap file to write')
    .option('--seed <integer>', 'what the packets derive from; the same seed gives the same file', '1');
  for (const spec of scenario.parameters) command.addOption(optionOf(spec));
  command.addHelpText(
    'after',
    `\nExample:\n  ctreplay synth ${scenario.name} -o ${scenario.name}.pcap --packets 100k --seed 1`,
  );
  addSpelling(command, '--output <file>', 'out', '--out');
  command.allowExcessArguments(false);
  command.action(async (_options: unknown, self: Command) => {
    const ofList = synth.opts<ListOptions>();
    if (ofList.list || ofList.json) {
      throw new ScenarioError(
        `${ofList.list ? '--list' : '--json'} is of ctreplay synth without a scenario: leave it out, or leave out ${scenario.name}`,
      );
    }
    const given: Record<string, ParameterValue> = {};
    const text = self.opts<Record<string, string | undefined>>();
    for (const [i, spec] of scenario.parameters.entries()) {
      const value = text[attributeName(self, i + 2)];
      if (value !== undefined) given[spec.name] = value;
    }
    await writeScenario(scenario, given, text['out']!, text['seed']!);
  });
}

/** Name under which commander keeps the option at a place in the command's list. */
function attributeName(command: Command, index: number): string {
  return command.options[index]!.attributeName();
}

/** The command-line option of a parameter. Values stay text: the scenario's own check names what is wrong. */
export function optionOf(spec: ParameterSpec): Option {
  const value = spec.kind === 'choice' ? spec.choices.join('|') : spec.unit === '' ? 'value' : spec.unit;
  const notes: string[] = [];
  if (spec.kind === 'integer' || spec.kind === 'real') notes.push(`${spec.min} to ${spec.max}`);
  if (spec.default !== null && spec.default !== '') notes.push(`default: ${spec.default}`);
  const tail = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return new Option(`--${spec.name} <${value}>`, `${spec.description}${tail}`);
}

async function writeScenario(
  scenario: Scenario,
  given: Record<string, ParameterValue>,
  path: string,
  seedText: string,
): Promise<void> {
  const seed = parseNumber(seedText);
  if (!Number.isSafeInteger(seed)) {
    throw new ScenarioError(`--seed is '${seedText}', not an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  const fault = outputFault(path);
  if (fault !== null) throw new ScenarioError(`--out is '${path}': ${fault.reason}. ${fault.advice}`);
  const opened = openScenario(scenario.name, given, seed);
  requireTimes(opened);
  const writer = new PcapWriter(path);
  try {
    const totals = await drainSourceInTurns(opened.source, (record) => writer.write(record), eventLoopTurn);
    writer.close();
    const seconds = (totals.durationNs / 1e9).toFixed(3);
    process.stdout.write(
      `${path}: ${totals.packets} packets, ${totals.bytes} bytes of frames over ${seconds} s, seed ${seed}\n`,
    );
  } catch (error) {
    writer.discard();
    throw error;
  }
  if (opened.suggestedConfig !== null) {
    const lines = describeSuggestedConfig(opened.suggestedConfig);
    process.stderr.write(`${scenario.name} expects of the tracker:\n  ${lines.join('\n  ')}\n`);
  }
}

function listText(): string {
  const width = Math.max(...SCENARIOS.map((scenario) => scenario.name.length));
  const lines = SCENARIOS.map((scenario) => `${scenario.name.padEnd(width)}  ${scenario.summary}`);
  lines.push('', 'ctreplay synth NAME --help shows the parameters of one, with units and defaults.');
  return `${lines.join('\n')}\n`;
}

function listJson(): string {
  const list = SCENARIOS.map(({ name, summary, parameters }) => ({ name, summary, parameters }));
  return `${JSON.stringify(list, null, 2)}\n`;
}
