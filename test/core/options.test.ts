import { afterEach, describe, expect, it } from 'vitest';
import { Configurable, fieldsOf, serialized } from '../../lib/core/configurable.js';
import { ArgumentError } from '../../lib/core/errors.js';
import { defineFamily, registerCustomObject } from '../../lib/core/family.js';
import { type Checker, type Fields, is, optional, required } from '../../lib/core/fields.js';
import { nearestName, resetNames, toCamelCase, toSnakeCase, uniqueName } from '../../lib/core/names.js';
import { leaves, mapTree } from '../../lib/core/tree.js';
import { loadGolden } from '../support/golden.js';

class Shape extends Configurable {
  static override readonly fields: Fields = { name: optional(is.nullable(is.string), null) };
  declare readonly name: string | null;
}
class Circle extends Shape {
  static override readonly module = 'test.shapes';
  static override readonly fields = {
    radius: required(is.number({ above: 0 })),
    tags: optional(is.listOf(is.string), () => []),
    innerShape: optional(is.anything, null, { key: 'inner' }),
    cached: optional(is.boolean, false, { writes: false }),
  };
  declare readonly radius: number;
  declare readonly tags: string[];
}

describe('Configurable', () => {
  it('sets checked options and defaults, base classes first', () => {
    const circle = new Circle({ radius: 2, name: 'c' });
    expect(circle).toMatchObject({ radius: 2, name: 'c', tags: [], cached: false });
    expect(new Circle({ radius: 1 }).tags).not.toBe(circle.tags);
    expect(Object.keys(fieldsOf(Circle as never))).toEqual(['name', 'radius', 'tags', 'innerShape', 'cached']);
  });

  it('writes a config that makes an equal object, nested objects too', () => {
    const circle = new Circle({ radius: 2, innerShape: new Circle({ radius: 1 }), cached: true } as never);
    expect(circle.getConfig()).toEqual({
      name: null,
      radius: 2,
      tags: [],
      innerShape: {
        module: 'test.shapes',
        className: 'Circle',
        config: { name: null, radius: 1, tags: [], innerShape: null },
        registeredName: null,
      },
    });
    const copy = (Circle as unknown as { fromConfig(config: object): Circle }).fromConfig(circle.getConfig());
    expect(copy.getConfig()).toEqual(circle.getConfig());
    expect(serialized(new Shape()).registeredName).toBe('Shape');
  });

  it.each([
    [{}, "Circle: option 'radius' is required.\n  Write new Circle({ radius: … })."],
    [{ radius: 0 }, 'Circle: radius: expected a number above 0, got 0.'],
    [{ radius: Number.NaN }, 'Circle: radius: expected a number above 0, got NaN.'],
    [{ radius: 1, radios: 2 }, "Circle: unknown option 'radios'.\n  Did you mean 'radius'?"],
    [{ radius: 1, zzz: 2 }, "Circle: unknown option 'zzz'.\n  Options: name, radius, tags, innerShape, cached."],
    [{ radius: 1, tags: ['a', 3] }, 'Circle: tags[1]: expected a string, got 3.'],
    [5, 'Circle: expected an object of options, got 5.\n  Write new Circle({ … }).'],
    [null, 'Circle: expected an object of options, got null.\n  Write new Circle({ … }).'],
  ])('explains wrong options %#', (options, message) => {
    expect(() => new Circle(options as never)).toThrow(ArgumentError);
    expect(() => new Circle(options as never)).toThrow(message);
  });
});

describe('checkers', () => {
  it.each<[Checker, unknown, string | null]>([
    [is.boolean, true, null],
    [is.boolean, 1, 'expected true or false, got 1.'],
    [is.integer({ min: 1 }), 3, null],
    [is.integer({ min: 1 }), 0, 'expected a whole number of at least 1, got 0.'],
    [is.integer({ min: 1, max: 4 }), 5, 'expected a whole number from 1 to 4, got 5.'],
    [is.integer(), 1.5, 'expected a whole number, got 1.5.'],
    [is.integer(), '1', 'expected a whole number, got "1".'],
    [is.number({ min: 0, max: 1 }), 0.5, null],
    [is.number({ min: 0, below: 1 }), 1, 'expected a number below 1 of at least 0, got 1.'],
    [is.oneOf('a', 'b'), 'b', null],
    [is.oneOf('a', 'b'), 'c', `expected one of 'a', 'b', got "c".`],
    [is.nullable(is.string), null, null],
    [is.nullable(is.string), 2, 'expected a string, got 2.'],
    [is.either(is.boolean, is.integer(), 'true, false or a whole number'), 2, null],
    [
      is.either(is.boolean, is.integer(), 'true, false or a whole number'),
      'x',
      'expected true, false or a whole number, got "x".',
    ],
    [is.shape, [null, 3], null],
    [is.shape, [-1], 'expected a shape: an array of whole numbers of at least 0 (or null), got [-1].'],
    [is.dtype, 'int8', null],
    [is.dtype, 8, 'expected a dtype, got 8.'],
    [is.instance(Circle, 'a circle'), new Shape(), 'expected a circle, got Shape.'],
    [is.function, Math.sin, null],
    [is.function, {}, 'expected a function, got an object.'],
  ])('%# says what was expected', (check, value, message) => {
    if (message === null) expect(check(value, 'here')).toEqual(value);
    else expect(() => check(value, 'here')).toThrow(`here: ${message}`);
  });
});

describe('defineFamily', () => {
  const family = defineFamily<Circle | ((x: number) => number)>({
    kind: 'shape',
    members: () => ({ Circle, half: (x: number) => x / 2 }),
    aliases: { disc: 'Circle' },
    accepts: (value) => value instanceof Circle,
  });

  it('finds classes and functions by any spelling, configs and objects', () => {
    const circle = new Circle({ radius: 3 });
    expect(family.get(circle, 'x')).toBe(circle);
    expect((family.get('half', 'x') as (x: number) => number)(4)).toBe(2);
    for (const className of ['Circle', 'circle', 'disc']) {
      expect(family.get({ className, config: { radius: 3 }, module: null, registeredName: null }, 'x')).toMatchObject({
        radius: 3,
      });
    }
  });

  it('finds what a user registered', () => {
    class Oval extends Circle {}
    registerCustomObject(Oval as never, 'Oval');
    registerCustomObject(Oval as never, 'Oval');
    const config = { className: 'Oval', module: null, registeredName: 'Oval', config: { radius: 1 } };
    expect(family.get(config, 'x')).toBeInstanceOf(Oval);
    expect(() => registerCustomObject(Circle as never, 'Oval')).toThrow(/'Oval' is taken/);
    expect(() => registerCustomObject(5 as never)).toThrow(/expected a class or a named function, got 5/);
  });

  it('names the nearest known one', () => {
    expect(() => family.get('cirkle', 'Model: shape')).toThrow(
      'Model: shape: unknown shape "cirkle".\n  Did you mean \'circle\'?',
    );
    expect(() => family.get('zzzzzz', 'Model: shape')).toThrow('Known: circle, half.');
    expect(() => family.get(7, 'Model: shape')).toThrow(
      'expected the name of a shape, an object or a function, got 7.',
    );
  });
});

describe('names', () => {
  afterEach(resetNames);
  const { facts } = loadGolden('utilities');

  it.each(Object.entries(facts['toSnakeCase'] as Record<string, string>))(
    '%s becomes %s as in Keras',
    (name, expected) => {
      expect(toSnakeCase(name)).toBe(expected);
    },
  );

  it('count up per prefix as in Keras', () => {
    resetNames();
    const { prefixes, names } = facts['autoNames'] as { prefixes: string[]; names: string[] };
    expect(prefixes.map((prefix) => uniqueName(toSnakeCase(prefix)))).toEqual(names);
  });

  it('turn to camelCase', () => {
    expect(['return_sequences', 'use_bias', 'units', 'beta_1'].map(toCamelCase)).toEqual([
      'returnSequences',
      'useBias',
      'units',
      'beta1',
    ]);
  });

  it('find the nearest, or none', () => {
    expect(nearestName('reul', ['relu', 'elu', 'selu'])).toBe('relu');
    expect(nearestName('Categorical_Crossentropi', ['categoricalCrossentropy', 'mse'])).toBe('categoricalCrossentropy');
    expect(nearestName('banana', ['relu', 'adam'])).toBe(null);
  });
});

describe('trees', () => {
  it('visit leaves depth first, keys sorted, instances whole', () => {
    const circle = new Circle({ radius: 1 });
    const tree = { b: [1, [2]], a: circle, c: null };
    expect(leaves(tree)).toEqual([circle, 1, 2, null]);
    expect(mapTree(tree, (leaf) => (leaf === circle ? 'circle' : leaf))).toEqual({ a: 'circle', b: [1, [2]], c: null });
  });
});
