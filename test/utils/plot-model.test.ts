import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  Input,
  layers,
  Model,
  ops,
  Sequential,
  StateError,
  type SymbolicTensor,
  type Tensor,
  utils,
} from 'torchlayers';
import { afterAll, describe, expect, test } from 'vitest';
import { loadGolden } from '../support/golden.js';

interface Case {
  model: string;
  options: object;
  nodes: { cluster: string[]; rows: string[][] }[];
  edges: [string, string][];
}

const folder = mkdtempSync(join(tmpdir(), 'torchlayers-plot-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function stack(): Model {
  const last = new layers.Dense({ units: 3, activation: 'softmax', name: 'last', trainable: false });
  return new Sequential({
    name: 'stack',
    layers: [
      Input({ shape: [8], name: 'first' }),
      new layers.Dense({ units: 6, activation: 'relu', name: 'hidden' }),
      new layers.Dropout({ rate: 0.5, name: 'drop' }),
      last,
    ],
  });
}

function graph(): Model {
  const dense = (units: number, name: string) => new layers.Dense({ units, name });
  const left = Input({ shape: [8], name: 'left' });
  const right = Input({ shape: [8], name: 'right' });
  const shared = dense(4, 'shared');
  const inner = new Sequential({
    name: 'inner',
    layers: [Input({ shape: [4] }), dense(3, 'inner_a'), dense(2, 'inner_b')],
  });
  const a = Input({ shape: [2], name: 'a' });
  const b = Input({ shape: [2], name: 'b' });
  const sum = new layers.Add({ name: 'add' }).apply([a, b]);
  const both = new Model({ inputs: [a, b], outputs: [sum, new layers.ReLU({ name: 'relu' }).apply(a)], name: 'both' });
  const [u, v] = both.apply<[SymbolicTensor, SymbolicTensor]>([
    inner.apply(shared.apply(left)),
    inner.apply(shared.apply(right)),
  ]);
  const joined = new layers.Concatenate({ name: 'joined' }).apply([u, v]);
  const outputs = [dense(1, 'one').apply(u), dense(1, 'two').apply(joined)];
  return new Model({ inputs: [left, right], outputs, name: 'graph' });
}

function nested(): Model {
  const dense = (units: number, name: string) => new layers.Dense({ units, name });
  const middle = new Sequential({
    name: 'middle',
    layers: [Input({ shape: [5] }), dense(4, 'deep_a'), dense(4, 'deep_b')],
  });
  const x = Input({ shape: [4], name: 'x' });
  const plus = new layers.Add({ name: 'plus' }).apply([x, dense(4, 'branch').apply(x)]);
  const residual = new Model({ inputs: x, outputs: plus, name: 'residual' });
  return new Sequential({
    name: 'nested',
    layers: [Input({ shape: [6] }), dense(5, 'start'), middle, residual, dense(2, 'end')],
  });
}

class Own extends Model {
  readonly dense = new layers.Dense({ units: 2, name: 'own_dense' });

  override call(x: Tensor): Tensor {
    return this.dense.apply(x);
  }
}

function own(): Model {
  const model = new Own({ name: 'own' });
  model.apply(ops.ones([1, 3]));
  return model;
}

const models: Record<string, () => Model> = { stack, graph, nested, own };

function unescaped(text: string): string {
  const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
  return text.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] as string);
}

/** Boxes, edges and clusters of a graph in DOT. */
function parse(dot: string): Pick<Case, 'nodes' | 'edges'> {
  const nodes: Case['nodes'] = [];
  const edges: Case['edges'] = [];
  const clusters: string[] = [];
  for (const line of dot.split('\n')) {
    const label = /^\s+label="(.*)";$/.exec(line);
    const node = /^\s+"(.*)" \[label=<(.*)>\];$/.exec(line);
    const edge = /^\s+"(.*)" -> "(.*)";$/.exec(line);
    if (/^\s+subgraph /.test(line)) clusters.push('');
    else if (label !== null) clusters[clusters.length - 1] = label[1] as string;
    else if (/^\s+}$/.test(line)) clusters.pop();
    else if (edge !== null) edges.push([edge[1] as string, edge[2] as string]);
    else if (node !== null) {
      const rows = ((node[2] as string).match(/<tr>.*?<\/tr>/g) ?? []).map((row) =>
        (row.match(/<td.*?<\/td>/g) ?? []).map((cell) => unescaped(cell.replace(/<[^>]*>/g, ''))),
      );
      nodes.push({ cluster: [...clusters], rows });
    }
  }
  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  nodes.sort((a, b) => byText(a.rows, b.rows));
  return { nodes, edges: edges.sort(byText) };
}

describe('modelToDot', () => {
  const golden = loadGolden<Case>('diagrams');
  test.each(golden.cases)("$name: Keras' boxes, edges and clusters", ({ model, options, nodes, edges }) => {
    const found = parse(utils.modelToDot((models[model] as () => Model)(), options));
    expect(found.edges).toEqual([...edges].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
    const byRows = (a: Case['nodes'][0], b: Case['nodes'][0]): number =>
      JSON.stringify(a.rows) < JSON.stringify(b.rows) ? -1 : 1;
    expect(found.nodes).toEqual([...nodes].sort(byRows));
  });

  test('names of layers in inner models may repeat', () => {
    const part = (name: string) =>
      new Sequential({ name, layers: [Input({ shape: [2] }), new layers.Dense({ units: 2, name: 'same' })] });
    const model = new Sequential([Input({ shape: [2] }), part('p'), part('q')]);
    const { nodes, edges } = parse(utils.modelToDot(model, { expandNested: true }));
    expect(nodes.map(({ cluster }) => cluster)).toEqual([['p'], ['q']]);
    expect(edges).toEqual([['same', 'same (2)']]);
  });

  test('inputs given by name lead to the right inner inputs', () => {
    const one = Input({ shape: [2], name: 'zz' });
    const two = Input({ shape: [2], name: 'aa' });
    const inner = new Model({ inputs: [one, two], outputs: new layers.Subtract().apply([one, two]), name: 'inner' });
    const x = Input({ shape: [2], name: 'x' });
    const y = Input({ shape: [2], name: 'y' });
    const model = new Model({ inputs: [x, y], outputs: inner.apply<SymbolicTensor>({ aa: y, zz: x } as never) });
    const { edges } = parse(utils.modelToDot(model, { expandNested: true }));
    expect(edges).toContainEqual(['x', 'zz']);
    expect(edges).toContainEqual(['y', 'aa']);
  });

  test('as a subgraph, for another graph', () => {
    expect(utils.modelToDot(stack(), { subgraph: true })).toMatch(/^subgraph "cluster_stack" \{\n[\s\S]*\n\}\n$/);
  });

  test('options of the graph', () => {
    const dot = utils.modelToDot(stack(), { rankdir: 'LR', dpi: 72, splines: 'line' });
    expect(dot).toContain('rankdir=LR; concentrate=true; dpi=72; splines=line;');
    expect(utils.modelToDot(stack())).toContain('rankdir=TB; concentrate=true; dpi=200; splines=ortho;');
  });

  test('without names, and activations without a name', () => {
    const [nameless] = [(x: Tensor) => ops.relu(x)];
    const layer = new layers.Dense({ units: 1, activation: nameless as (x: Tensor) => Tensor });
    const model = new Sequential([Input({ shape: [2] }), layer]);
    const dot = utils.modelToDot(model, { showLayerNames: false, showLayerActivations: true });
    expect(parse(dot).nodes[0]?.rows).toEqual([['Dense'], ['Activation: ?']]);
  });

  test.each([
    [{ rankdir: 'down' }, "modelToDot: expected rankdir to be one of 'TB', 'LR', 'BT', 'RL', got \"down\"."],
    [{ dpi: 0 }, 'modelToDot: expected dpi to be a whole number of at least 1, got 0.'],
    [{ showShapes: 1 }, 'modelToDot: expected showShapes to be true or false, got 1.'],
    [{ splines: 'round' }, "modelToDot: expected splines to be one of 'ortho',"],
    [{ show_shapes: true }, "modelToDot: unknown option 'show_shapes'.\n  Did you mean 'showShapes'?"],
  ])('refuses %o', (options, message) => {
    const draw = () => utils.modelToDot(stack(), options as object);
    expect(draw).toThrow(ArgumentError);
    expect(draw).toThrow(message);
  });

  test('refuses what is no model, and models without weights', () => {
    expect(() => utils.modelToDot(new layers.Dense({ units: 1 }) as unknown as Model)).toThrow(
      'modelToDot: expected a model, got Dense.\n  Give a Sequential or a Model.',
    );
    const unbuilt = new Sequential({ name: 'later', layers: [new layers.Dense({ units: 1 })] });
    expect(() => utils.modelToDot(unbuilt)).toThrow(StateError);
    expect(() => utils.modelToDot(unbuilt)).toThrow('expected a model that is built, got Sequential "later"');
  });
});

describe('plotModel', () => {
  const path = (name: string): string => join(folder, name);

  test('writes the SVG that it answers, and nothing else', async () => {
    const svg = await utils.plotModel(graph(), { toFile: path('graph.svg'), showShapes: true, showLayerNames: true });
    expect(readFileSync(path('graph.svg'), 'utf8')).toBe(svg);
    expect(svg).toMatch(/^<svg width="\d+" height="\d+" role="img"/);
    expect(svg).not.toContain('DTD');
    expect(svg.match(/<g id="node\d+" class="node">/g)).toHaveLength(8);
    expect(svg.match(/<g id="edge\d+" class="edge">/g)).toHaveLength(7);
    expect(readdirSync(folder)).toEqual(['graph.svg']);
  });

  test('every text has its width, so that any font fits', async () => {
    const svg = await utils.plotModel(nested(), { toFile: null, showShapes: true, expandNested: true });
    const texts = svg.match(/<text /g) ?? [];
    expect(texts.length).toBeGreaterThan(10);
    expect(svg.match(/<text [^>]* textLength="[\d.]+" lengthAdjust="spacingAndGlyphs"/g)).toHaveLength(texts.length);
  });

  test('layer names are off, as in Keras, until asked for', async () => {
    expect(await utils.plotModel(stack(), { toFile: null })).not.toContain('>hidden</text>');
    expect(await utils.plotModel(stack(), { toFile: null, showLayerNames: true })).toContain('>hidden</text>');
  });

  test('a larger dpi is a larger picture', async () => {
    const width = async (dpi: number) =>
      Number(/width="(\d+)"/.exec(await utils.plotModel(stack(), { toFile: null, dpi }))?.[1]);
    expect((await width(144)) / (await width(72))).toBeCloseTo(2, 1);
  });

  test('writes DOT for .dot, and SVG without extension', async () => {
    await utils.plotModel(stack(), { toFile: path('stack.dot') });
    expect(readFileSync(path('stack.dot'), 'utf8')).toBe(utils.modelToDot(stack(), { showLayerNames: false }));
    await utils.plotModel(stack(), { toFile: path('stack') });
    expect(readFileSync(path('stack'), 'utf8')).toMatch(/^<svg /);
  });

  test('names are text, whatever they hold', async () => {
    const name = 'a "b" \\ <script>x&amp; \u0000 é';
    const input = Input({ shape: [2] });
    const model = new Model({ inputs: input, outputs: new layers.Dense({ units: 1, name }).apply(input), name });
    const svg = await utils.plotModel(model, { toFile: null, showLayerNames: true });
    expect(svg).not.toContain('<script');
    expect(svg).toContain('&lt;script&gt;');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there.
    expect(svg).not.toMatch(/[\u0000-\u0008]/);
  });

  test.each([
    ['model.png', 'plotModel: expected toFile to be a path that ends in .svg or .dot, got "model.png".'],
    ['', 'plotModel: expected toFile to be a path that ends in .svg or .dot, got "".'],
    [7, 'plotModel: expected toFile to be a path that ends in .svg or .dot, got 7.'],
  ])('refuses toFile %o', async (toFile, message) => {
    const plot = utils.plotModel(stack(), { toFile: toFile as string });
    await expect(plot).rejects.toThrow(ArgumentError);
    await expect(plot).rejects.toThrow(message);
  });

  test('refuses unknown options, subgraphs, and folders that are not there', async () => {
    await expect(utils.plotModel(stack(), { subgraph: true } as object)).rejects.toThrow("unknown option 'subgraph'");
    const nowhere = join(folder, 'no', 'model.svg');
    await expect(utils.plotModel(stack(), { toFile: nowhere })).rejects.toMatchObject({
      code: 'ENOENT',
      path: nowhere,
    });
  });
});
