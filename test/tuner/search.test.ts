import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Input, layers, optimizers, reports, Sequential, tuner } from 'torchlayers';
import { afterAll, describe, expect, it, vi } from 'vitest';

// Each trial is a transaction on disk.
vi.setConfig({ testTimeout: 60_000 });

const golden = JSON.parse(readFileSync(new URL('../golden/tuner.json', import.meta.url), 'utf8'));
const directory = mkdtempSync(join(tmpdir(), 'torchlayers-tuner-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let projects = 0;
const project = (): { directory: string; projectName: string } => ({ directory, projectName: `p${projects++}` });
const score = { name: 'score', direction: 'min' } as const;

type Hp = tuner.HyperParameters;
const bowl = (hp: Hp): number => (hp.float('x', -1, 1) - 0.3) ** 2 + 2 * (hp.float('y', -1, 1) + 0.4) ** 2;

/** A search over a function instead of a model. */
function over<Base extends new (options: never) => tuner.Tuner>(
  Type: Base,
  fn: (hp: Hp, trial: tuner.Trial) => number,
): Base {
  class Search extends (Type as unknown as typeof tuner.RandomSearch) {
    override async runTrial(trial: tuner.Trial, hp: Hp): Promise<tuner.TrialResult> {
      return fn(hp, trial);
    }
  }
  return Search as unknown as Base;
}

describe('searches of a function', () => {
  it('GridSearch visits all combinations in the order of KerasTuner', async () => {
    const hyperparameters = new tuner.HyperParameters();
    hyperparameters.choice('kind', ['a', 'b']);
    hyperparameters.int('units', 1, 3);
    hyperparameters.boolean('extra', { parentName: 'kind', parentValues: ['b'] });
    const Search = over(tuner.GridSearch, (_, trial) => trial.id);
    const search = new Search({ objective: score, hyperparameters, ...project() });
    await search.search(undefined, null, { verbose: 0 });
    expect((await search.trials()).map((trial) => trial.values)).toEqual(golden.grid);
  });

  it('the same seed gives the same trials, another one others', async () => {
    const Search = over(tuner.RandomSearch, bowl);
    const hyperparameters = new tuner.HyperParameters();
    bowl(hyperparameters);
    const run = async (seed: number) => {
      const search = new Search({ objective: score, maxTrials: 8, seed, hyperparameters, ...project() });
      await search.search(undefined, null, { verbose: 0 });
      return (await search.trials()).map((trial) => trial.values);
    };
    const [first, again, other] = [await run(3), await run(3), await run(4)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(new Set(first.map((values) => values['x'])).size).toBe(8);
  });

  it('BayesianOptimization comes as near to the least value of a known function as KerasTuner', async () => {
    const Search = over(tuner.BayesianOptimization, bowl);
    const hyperparameters = new tuner.HyperParameters();
    bowl(hyperparameters);
    const best: number[] = [];
    for (let seed = 0; seed < 5; seed++) {
      const search = new Search({ objective: score, maxTrials: 25, seed, hyperparameters, ...project() });
      await search.search(undefined, null, { verbose: 0 });
      best.push((await search.getBestTrials())[0]?.score as number);
    }
    const median = (values: number[]): number => values.sort((a, b) => a - b)[2] as number;
    expect(median(best)).toBeLessThanOrEqual(median([...golden.bayesianBest]) * 5);
    expect(Math.max(...best)).toBeLessThan(0.01);
  });

  it.each(golden.brackets as { maxEpochs: number; factor: number; brackets: [number, number][][] }[])(
    'Hyperband runs the brackets of KerasTuner: $maxEpochs epochs, factor $factor',
    async ({ maxEpochs, factor, brackets }) => {
      const hyperparameters = new tuner.HyperParameters();
      hyperparameters.float('x', 0, 1);
      const Search = over(tuner.Hyperband, (hp) => hp.get('x') as number);
      const search = new Search({ objective: score, maxEpochs, factor, hyperparameters, seed: 1, ...project() });
      await search.search(undefined, null, { verbose: 0 });
      const trials = await search.trials();
      brackets.forEach((rounds, bracket) => {
        rounds.forEach(([size, epochs], round) => {
          const members = trials.filter((one) => one.bracket?.bracket === bracket && one.bracket.round === round);
          expect(members.length).toBe(size);
          for (const one of members) expect(one.bracket?.epochs).toBe(epochs);
          if (round === 0) return;
          const past = trials.filter((one) => one.bracket?.bracket === bracket && one.bracket.round === round - 1);
          const bestPast = past.sort((a, b) => (a.score as number) - (b.score as number)).slice(0, size);
          expect(new Set(members.map((one) => one.bracket?.from))).toEqual(new Set(bestPast.map((one) => one.id)));
        });
      });
    },
    30_000,
  );

  it('averages executions, marks scores that are no numbers, and goes on with another search object', async () => {
    const hyperparameters = new tuner.HyperParameters();
    hyperparameters.int('n', 0, 5);
    const place = project();
    const make = (maxTrials: number): tuner.Tuner => {
      class Search extends tuner.GridSearch {
        override async runTrial(_: tuner.Trial, hp: Hp): Promise<readonly tuner.TrialResult[]> {
          const n = hp.get('n') as number;
          return n === 1
            ? [Number.NaN]
            : [
                { score: n, other: 2 },
                { score: n + 1, other: 4 },
              ];
        }
      }
      return new Search({ objective: score, hyperparameters, maxTrials, ...place });
    };
    const first = make(3);
    await first.search(undefined, null, { verbose: 0 });
    await first.close();
    const second = make(5);
    await second.search(undefined, null, { verbose: 0 });
    const trials = await second.trials();
    expect(trials.map((trial) => trial.status)).toEqual([
      'completed',
      'invalid',
      'completed',
      'completed',
      'completed',
    ]);
    expect(trials.map((trial) => trial.score)).toEqual([0.5, null, 2.5, 3.5, 4.5]);
    expect(trials[2]?.metrics).toEqual({ score: 2.5, other: 3 });
    expect(await second.getRemainingTrials()).toBe(0);
    const text = await second.resultsSummary({ printFn: () => {} });
    expect(text.split('\n')[1]).toMatch(/Trial.*n.*score.*Epoch.*Seconds/);
  });

  it('ends with an error after failures in a row, and retries if asked', async () => {
    const hyperparameters = new tuner.HyperParameters();
    hyperparameters.int('n', 0, 5);
    let calls = 0;
    const Search = over(tuner.RandomSearch, () => {
      calls++;
      throw new Error('no such thing');
    });
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const search = new Search({ objective: score, hyperparameters, maxRetriesPerTrial: 1, ...project() });
    await expect(search.search(undefined, null, { verbose: 0 })).rejects.toThrow(
      'expected trials that succeed, got 3 failed ones in a row; the last: Error: no such thing',
    );
    expect(calls).toBe(6);
    expect(warn).toHaveBeenCalledTimes(3);
    warn.mockRestore();
  });

  it('a search is over when the trials of others are, too', async () => {
    const hyperparameters = new tuner.HyperParameters();
    hyperparameters.int('n', 0, 5);
    let begun: () => void;
    let goOn: () => void;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    class Slow extends tuner.RandomSearch {
      override async runTrial(): Promise<number> {
        begun();
        await mayGoOn;
        return 1;
      }
    }
    const place = project();
    const make = (): tuner.Tuner => new Slow({ objective: score, hyperparameters, maxTrials: 1, seed: 1, ...place });
    const [mine, other] = [make(), make()];
    const first = mine.search(undefined, null, { verbose: 0 });
    await isBegun;
    let over = false;
    const second = other.search(undefined, null, { verbose: 0 }).then(async () => {
      over = true;
      return other.getBestTrials();
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    goOn!();
    expect((await second)[0]?.score).toBe(1);
    await first;
  });

  it('searchInWorkers refuses odd arguments', async () => {
    const run = (script: unknown, options: unknown = {}): Promise<void> =>
      tuner.searchInWorkers(script as string, options as object);
    await expect(run(3)).rejects.toThrow('tuner.searchInWorkers: script: expected a path or URL, got 3.');
    await expect(run('a.mjs', { worker: 2 })).rejects.toThrow("unknown option 'worker'.\n  Did you mean 'workers'?");
    await expect(run('a.mjs', { workers: 0 })).rejects.toThrow(
      'workers: expected a whole number of at least 1, got 0.',
    );
    await expect(run('a.mjs', { signal: 3 })).rejects.toThrow('signal: expected an AbortSignal, got 3.');
  });

  it('an aborted search gives its trial back', async () => {
    const hyperparameters = new tuner.HyperParameters();
    hyperparameters.int('n', 0, 5);
    const place = project();
    const controller = new AbortController();
    class Stuck extends tuner.RandomSearch {
      override async runTrial(): Promise<number> {
        controller.abort(new Error('enough'));
        throw controller.signal.reason;
      }
    }
    const stuck = new Stuck({ objective: score, hyperparameters, maxTrials: 2, seed: 1, ...place });
    await expect(stuck.search(undefined, null, { verbose: 0, signal: controller.signal })).rejects.toThrow('enough');
    const [left] = await stuck.trials();
    expect(left?.status).toBe('running');
    await stuck.close();
    class Stuck2 extends tuner.RandomSearch {
      override async runTrial(_: tuner.Trial, hp: Hp): Promise<number> {
        return hp.get('n') as number;
      }
    }
    Object.defineProperty(Stuck2, 'name', { value: 'Stuck' });
    const next = new Stuck2({ objective: score, hyperparameters, maxTrials: 2, seed: 1, ...place });
    await next.search(undefined, null, { verbose: 0 });
    const trials = await next.trials();
    expect(trials.map((trial) => trial.status)).toEqual(['completed', 'completed']);
    expect(trials[0]?.values).toEqual(left?.values);
  });
});

describe('searches of models', () => {
  const samples = 64;
  const x = { data: Float32Array.from({ length: samples * 2 }, (_, i) => Math.sin(i)), shape: [samples, 2] };
  const y = {
    data: Float32Array.from({ length: samples }, (_, i) => Math.sin(2 * i) + Math.sin(2 * i + 1)),
    shape: [samples, 1],
  };
  const build = (hp: Hp): Sequential => {
    const model = new Sequential([
      Input({ shape: [2] }),
      new layers.Dense({
        units: hp.int('units', 2, 8, { step: 2 }),
        activation: hp.choice('activation', ['relu', 'tanh']),
      }),
    ]);
    if (hp.boolean('deep')) {
      hp.conditionalScope('deep', true, () => model.add(new layers.Dense({ units: hp.int('second', 2, 4) })));
    }
    model.add(new layers.Dense({ units: 1 }));
    model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] });
    return model;
  };

  it('finds the space, conditional scopes included, and keeps the best weights', async () => {
    const search = new tuner.RandomSearch({
      hypermodel: build,
      objective: 'val_mae',
      maxTrials: 4,
      executionsPerTrial: 2,
      seed: 5,
      ...project(),
    });
    await search.search(x, y, { epochs: 3, validationData: [x, y], batchSize: 16, verbose: 0 });
    const trials = await search.trials();
    expect(trials.map((trial) => trial.status)).toEqual(Array(4).fill('completed'));
    expect(await search.getObjective()).toEqual({ name: 'val_mae', direction: 'min' });
    const text = await search.searchSpaceSummary({ printFn: () => {} });
    for (const word of ['units', '2 to 8, step 2', 'relu, tanh', 'second', 'deep: true']) expect(text).toContain(word);
    for (const { values } of trials) expect('second' in values).toBe(values['deep']);

    const [best] = await search.getBestTrials();
    const curves = await search.getCurves(best?.id as number);
    expect(curves.length).toBe(2);
    const least = Math.min(...curves.flat().map((logs) => logs['val_mae'] as number));
    const [model] = (await search.getBestModels()) as [Sequential];
    const { mae } = await model.evaluate(x, y, { verbose: 0 });
    expect(mae).toBeCloseTo(least, 5);

    const again = new tuner.RandomSearch({
      hypermodel: build,
      objective: 'val_mae',
      maxTrials: 4,
      executionsPerTrial: 2,
      seed: 5,
      ...project(),
    });
    await again.search(x, y, { epochs: 3, validationData: [x, y], batchSize: 16, verbose: 0 });
    expect((await again.trials()).map(({ values, score }) => [values, score])).toEqual(
      trials.map(({ values, score }) => [values, score]),
    );
  });

  it('Hyperband goes on from the weights of the round before', async () => {
    const search = new tuner.Hyperband({
      hypermodel: build,
      objective: 'val_loss',
      maxEpochs: 4,
      factor: 2,
      seed: 2,
      ...project(),
    });
    await search.search(x, y, { validationData: [x, y], batchSize: 16, verbose: 0 });
    const trials = await search.trials();
    const promoted = trials.filter((trial) => (trial.bracket?.round ?? 0) > 0);
    expect(promoted.length).toBeGreaterThan(0);
    for (const trial of promoted) {
      const [curve] = await search.getCurves(trial.id);
      expect(curve?.length).toBe((trial.bracket?.epochs as number) - (trial.bracket?.initialEpoch as number));
      const past = trials[trial.bracket?.from as number] as tuner.Trial;
      expect(trial.values).toEqual(past.values);
      expect(curve?.[0]?.['val_loss']).toBeLessThan((past.score as number) * 1.2);
    }
  });

  it.each<[string, () => unknown, string]>([
    [
      'no hypermodel',
      () => new tuner.RandomSearch({ objective: 'loss' }),
      'hypermodel: expected a function that builds a model, or an object with build, got null.',
    ],
    ['no objective', () => new tuner.RandomSearch({ hypermodel: build } as never), "option 'objective' is required"],
    [
      'a wrong objective',
      () => new tuner.RandomSearch({ hypermodel: build, objective: { name: 'x' } as never }),
      "expected a name in the logs or { name, direction: 'min' | 'max' }",
    ],
    [
      'an unknown option',
      () => new tuner.RandomSearch({ hypermodel: build, objective: 'loss', maxTrial: 3 } as never),
      `unknown option 'maxTrial'.\n  Did you mean 'maxTrials'?`,
    ],
    [
      'maxTrials of Hyperband',
      () => new tuner.Hyperband({ hypermodel: build, objective: 'loss', maxTrials: 3 } as never),
      "unknown option 'maxTrials'",
    ],
    [
      'factor 1',
      () => new tuner.Hyperband({ hypermodel: build, objective: 'loss', factor: 1 }),
      'Hyperband: factor: expected a number of at least 2, got 1.',
    ],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  it('refuses what only shows while searching', async () => {
    const make = (options: object): tuner.Tuner =>
      new tuner.RandomSearch({ hypermodel: build, objective: 'val_loss', maxTrials: 1, ...project(), ...options });
    const run = (one: tuner.Tuner, options: object = {}): Promise<void> =>
      one.search(x, y, { epochs: 1, validationData: [x, y], verbose: 0, ...options });
    await expect(run(make({ hypermodel: () => 3 }))).rejects.toThrow(
      'hypermodel: expected it to answer a model, got 3.',
    );
    await expect(run(make({}), { callbacks: [] })).rejects.toThrow(
      'callbacks: expected a function that makes them, got [].',
    );
    await expect(run(make({ objective: 'val_nothing' }))).rejects.toThrow(
      'Objective "val_nothing": expected a metric that says',
    );
    await expect(run(make({ hyperparameters: new tuner.HyperParameters(), allowNewEntries: false }))).rejects.toThrow(
      'expected no hyperparameter but those given, got "units".',
    );
    const place = project();
    await run(make(place));
    await expect(run(make({ ...place, objective: 'loss' }))).rejects.toThrow(
      'to hold this search, got a RandomSearch with objective ["val_loss"]',
    );
    await expect(run(make({ ...place, seed: 12345678901 }))).rejects.toThrow('with which the search in');
    await expect(run(make({}), { epoch: 2 })).rejects.toThrow("fit: unknown option 'epoch'.\n  Did you mean 'epochs'?");
    await expect(run(make({}), { signal: 3 })).rejects.toThrow('signal: expected an AbortSignal, got 3.');
    await expect(run(make({}), { resume: 'runs' })).rejects.toThrow('a search goes on where it was by itself.');
    const wrongCallbacks = run(make({}), { callbacks: () => 3 });
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await expect(wrongCallbacks).rejects.toThrow('callbacks: expected a function that answers an array, got 3.');
    // Fewer trials than maxConsecutiveFailedTrials, but not one of them succeeded.
    await expect(run(make({}), { validationData: null })).rejects.toThrow(
      'expected a trial that succeeds, got 1 failed ones; the last: ArgumentError: RandomSearch: runTrial: expected the objective val_loss',
    );
    warn.mockRestore();
    const Named = over(tuner.RandomSearch, () => 1);
    await expect(new Named({ objective: 'points', ...project() }).search()).rejects.toThrow(
      `Objective "points": expected a metric that says`,
    );
    const broken = project();
    const whole = make(broken);
    await run(whole);
    await whole.close();
    writeFileSync(join(directory, broken.projectName, 'trials.db'), 'not a database at all, but some text'.repeat(100));
    await expect(run(make(broken))).rejects.toThrow("expected a search's trials in");
  });

  it('compiles every model with its own copy of a given optimizer', async () => {
    const search = new tuner.RandomSearch({
      hypermodel: build,
      optimizer: new optimizers.Adam({ learningRate: 0.02 }),
      loss: 'mae',
      objective: 'loss',
      maxTrials: 2,
      ...project(),
    });
    await search.search(x, y, { verbose: 0 });
    expect((await search.trials()).map((trial) => trial.status)).toEqual(['completed', 'completed']);
    const [model] = (await search.getBestModels()) as [Sequential];
    expect(model.optimizer?.learningRate.item()).toBeCloseTo(0.02, 6);
  });

  it('tries again after the folder could not be opened', async () => {
    const place = project();
    writeFileSync(join(directory, place.projectName), 'a file in the way');
    const search = new tuner.RandomSearch({ hypermodel: build, objective: 'val_loss', maxTrials: 1, ...place });
    const run = (): Promise<void> => search.search(x, y, { epochs: 1, validationData: [x, y], verbose: 0 });
    await expect(run()).rejects.toThrow('EEXIST');
    rmSync(join(directory, place.projectName));
    await run();
    expect((await search.trials()).length).toBe(1);
  });

  it('overwrite deletes an earlier search once, and nothing else', async () => {
    const place = project();
    const make = (): tuner.Tuner =>
      new tuner.RandomSearch({ hypermodel: build, objective: 'val_loss', maxTrials: 1, overwrite: true, ...place });
    const search = make();
    await search.search(x, y, { epochs: 1, validationData: [x, y], verbose: 0 });
    await search.close();
    expect((await search.getBestModels()).length).toBe(1);
    expect((await make().trials()).length).toBe(0);
    const precious = join(directory, place.projectName, 'precious.txt');
    writeFileSync(precious, 'mine');
    await expect(make().trials()).rejects.toThrow('to hold a search alone, got "precious.txt" in it.');
    expect(readFileSync(precious, 'utf8')).toBe('mine');
    for (const projectName of ['', '.', '..']) {
      expect(() => new tuner.RandomSearch({ hypermodel: build, objective: 'loss', projectName })).toThrow(
        `projectName: expected the name of a folder, got "${projectName}".`,
      );
    }
  });

  it('says why there are no weights, and refuses odd numbers of results', async () => {
    const search = new tuner.RandomSearch({
      hypermodel: {
        build,
        fit: async (_, model, data, labels) => model.fit(data as never, labels as never, { verbose: 0 }),
      },
      objective: 'loss',
      maxTrials: 1,
      ...project(),
    });
    await search.search(x, y, { verbose: 0 });
    await expect(search.getBestModels()).rejects.toThrow(
      "pass the options that the hypermodel's fit is given on to model.fit",
    );
    await expect(search.getBestTrials({ numtrials: 3 } as never)).rejects.toThrow("Did you mean 'numTrials'?");
    await expect(search.getBestModels({ numModels: 0 })).rejects.toThrow(
      'numModels: expected a whole number of at least 1, got 0.',
    );
    await expect(search.resultsSummary({ numTrials: 'all' } as never)).rejects.toThrow(
      'numTrials: expected a whole number',
    );
    await expect(reports.search({} as never)).rejects.toThrow('reports.search: expected a search, got an object.');
  });
});
