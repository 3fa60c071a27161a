/**
 * What the pool loads in each thread: the module of the task is imported only when the task has come.
 *
 * A CommonJS module, because the pool takes a module of the other kind in with `require`, and a thread that is ended meanwhile then
 * takes the whole process with it (Node 20: "v8::Module::IsGraphAsync must be used on an instantiated module").
 */

interface ThreadTask {
  /** Address of the module, a file URL. */
  readonly module: string;
  /** Function of it that is the task. */
  readonly name: string;
  readonly input: unknown;
}

async function run({ module: address, name, input }: ThreadTask): Promise<unknown> {
  const loaded = (await import(address)) as Readonly<Record<string, (input: unknown) => unknown>>;
  const task = loaded[name];
  if (task === undefined) throw new Error(`${address} has no function ${name}`);
  return task(input);
}

export = run;
