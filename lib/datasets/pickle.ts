import { setImmediate } from 'node:timers/promises';
import { PickleBytes, Text } from './pickle-bytes.js';

/** What a pickle of an array of lists may consist of. Classes are these names and never anything that runs. */
type Value = number | boolean | null | Text | List | Tuple | Name | ObjectArray | DType | Mark;

/** A list of whole numbers, or the one list of those lists. */
class List {
  readonly items: (number | List)[] = [];
  kind: 'empty' | 'numbers' | 'lists' = 'empty';
  /** Whether it stands in another list: then it may hold numbers only, and stand nowhere else. */
  inner = false;
}

class Tuple {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

class Name {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

class DType {}

class ObjectArray {
  lists: List | undefined;
}

class Mark {}

const mark = new Mark();
const reconstruct = new Set(['numpy.core.multiarray _reconstruct', 'numpy._core.multiarray _reconstruct']);
// Protocol 2 has no strings of bytes: this function's name stands for making one.
const encode = '_codecs encode';
const known = new Set([...reconstruct, 'numpy ndarray', 'numpy dtype', encode]);

// Between two looks at the event loop: about a millisecond.
const stepsAtOnce = 1 << 16;

/**
 * Reads a Python pickle (protocols 2 to 5) that holds one NumPy array of lists of whole numbers, and nothing else.
 *
 * A pickle is a program for Python's pickle machine. Of its instructions only those are known that put such an array together; each is checked for
 * what it is applied to, names of classes are compared and never looked up, and lists can't hold themselves or stand twice. So nothing of the file
 * runs, and memory stays in proportion to its size.
 *
 * @param length how many lists there must be
 * @throws {FileFormatError} for any other content
 * @internal
 */
export async function readPickledLists(
  bytes: Uint8Array,
  length: number,
  where: string,
  signal?: AbortSignal,
): Promise<number[][]> {
  const machine = new PickleMachine(bytes, where);
  while (!machine.run(stepsAtOnce)) {
    await setImmediate();
    signal?.throwIfAborted();
  }
  return machine.result(length);
}

class PickleMachine {
  readonly #input: PickleBytes;
  readonly #stack: Value[] = [];
  /** Places of the marks on the stack. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Value>();

  constructor(bytes: Uint8Array, where: string) {
    this.#input = new PickleBytes(bytes, where);
  }

  /** Runs so many instructions. True when the program has stopped. */
  run(steps: number): boolean {
    const input = this.#input;
    const stack = this.#stack;
    for (let step = 0; step < steps; step++) {
      const start = input.at;
      const code = input.next();
      switch (code) {
        case 0x4b: // BININT1
          stack.push(input.uint(1));
          break;
        case 0x4d: // BININT2
          stack.push(input.uint(2));
          break;
        case 0x4a: // BININT
          stack.push(input.int32());
          break;
        case 0x8a: // LONG1
          stack.push(input.long());
          break;
        case 0x28: // MARK
          this.#marks.push(stack.length);
          stack.push(mark);
          break;
        case 0x5d: // EMPTY_LIST
          stack.push(new List());
          break;
        case 0x61: {
          // APPEND
          const item = this.#pop();
          this.#append(this.#top(), [item]);
          break;
        }
        case 0x65: {
          // APPENDS
          const items = this.#toMark();
          this.#append(this.#top(), items);
          break;
        }
        case 0x71: // BINPUT
          this.#memo.set(input.uint(1), this.#top());
          break;
        case 0x72: // LONG_BINPUT
          this.#memo.set(input.uint(4), this.#top());
          break;
        case 0x94: // MEMOIZE
          this.#memo.set(this.#memo.size, this.#top());
          break;
        case 0x68: // BINGET
          this.#recall(input.uint(1));
          break;
        case 0x6a: // LONG_BINGET
          this.#recall(input.uint(4));
          break;
        case 0x4e: // NONE
          stack.push(null);
          break;
        case 0x88: // NEWTRUE
          stack.push(true);
          break;
        case 0x89: // NEWFALSE
          stack.push(false);
          break;
        case 0x29: // EMPTY_TUPLE
          stack.push(new Tuple([]));
          break;
        case 0x74: // TUPLE
          stack.push(new Tuple(this.#toMark()));
          break;
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: // TUPLE3
          stack.push(new Tuple(this.#popMany(code - 0x84)));
          break;
        case 0x43: // SHORT_BINBYTES
        case 0x55: // SHORT_BINSTRING
        case 0x8c: // SHORT_BINUNICODE
          stack.push(input.text(input.uint(1)));
          break;
        case 0x42: // BINBYTES
        case 0x54: // BINSTRING
        case 0x58: // BINUNICODE
          stack.push(input.text(input.uint(4)));
          break;
        case 0x63: // GLOBAL
          stack.push(this.#name(`${input.line()} ${input.line()}`));
          break;
        case 0x93: {
          // STACK_GLOBAL
          const [module, name] = this.#popMany(2);
          if (!(module instanceof Text && name instanceof Text)) throw input.refuse('a name of something else');
          stack.push(this.#name(`${module.text} ${name.text}`));
          break;
        }
        case 0x52: // REDUCE
          this.#reduce();
          break;
        case 0x62: // BUILD
          this.#build();
          break;
        case 0x80: {
          // PROTO
          const protocol = input.uint(1);
          if (start !== 0 || protocol < 2 || protocol > 5) throw input.refuse(`protocol ${protocol}`);
          break;
        }
        case 0x95: // FRAME: how much to read at once
          input.skip(8);
          break;
        case 0x2e: // STOP
          return true;
        default:
          throw code === undefined
            ? input.truncated()
            : input.refuse(`instruction 0x${code.toString(16).padStart(2, '0')} at byte ${start}`);
      }
    }
    return false;
  }

  /** The lists, after the program has stopped. */
  result(length: number): number[][] {
    const [array, ...others] = this.#stack;
    if (!(array instanceof ObjectArray) || array.lists === undefined || others.length > 0) {
      throw this.#input.refuse('another object');
    }
    if (this.#input.left !== 0) {
      throw this.#input.refuse(`${this.#input.left} bytes after its end`);
    }
    const { items, kind } = array.lists;
    if (kind === 'numbers' || items.length !== length) {
      throw this.#input.refuse(
        kind === 'numbers' ? 'numbers outside lists' : `${items.length} lists for shape [${length}]`,
      );
    }
    return items.map((list) => (list as List).items as number[]);
  }

  #append(list: Value, items: readonly Value[]): void {
    if (!(list instanceof List)) throw this.#input.refuse('an appendix to something else than a list');
    for (const item of items) {
      const kind = typeof item === 'number' ? 'numbers' : 'lists';
      if (kind === 'lists') {
        if (!(item instanceof List)) throw this.#input.refuse(`${describe(item)} in a list`);
        if (item === list || item.inner || item.kind === 'lists' || list.inner) {
          throw this.#input.refuse('a list that stands twice, or too deep');
        }
        item.inner = true;
      }
      if (list.kind === 'empty') list.kind = kind;
      else if (list.kind !== kind) throw this.#input.refuse('a list of numbers and lists');
      list.items.push(item as number | List);
    }
  }

  #reduce(): void {
    const [callee, args] = this.#popMany(2);
    if (!(callee instanceof Name && args instanceof Tuple)) throw this.#input.refuse('a call of something else');
    const { items } = args;
    if (reconstruct.has(callee.name)) {
      const [type, shape, letter] = items;
      const fits =
        items.length === 3 &&
        type instanceof Name &&
        type.name === 'numpy ndarray' &&
        isTuple(shape, [0]) &&
        textOf(letter) === 'b';
      if (!fits) throw this.#input.refuse('an array made in another way');
      this.#stack.push(new ObjectArray());
    } else if (callee.name === 'numpy dtype') {
      const name = textOf(items[0]) ?? '';
      if (!/^O[48]?$/.test(name)) throw this.#input.refuse(`an array of dtype ${JSON.stringify(name)}`);
      this.#stack.push(new DType());
    } else if (callee.name === encode && textOf(items[1]) === 'latin1' && items.length === 2) {
      this.#stack.push(new Text(textOf(items[0]) ?? ''));
    } else throw this.#input.refuse(`a call of ${callee.name}`);
  }

  #build(): void {
    const state = this.#pop();
    const object = this.#top();
    if (!(state instanceof Tuple)) throw this.#input.refuse('a state of another kind');
    // The state of the dtype of objects says nothing more.
    if (object instanceof DType) return;
    const [version, shape, dtype, fortranOrder, lists] = state.items;
    const fits =
      object instanceof ObjectArray &&
      state.items.length === 5 &&
      version === 1 &&
      shape instanceof Tuple &&
      shape.items.length === 1 &&
      dtype instanceof DType &&
      typeof fortranOrder === 'boolean' &&
      lists instanceof List;
    if (!fits) throw this.#input.refuse('an array of another kind than lists in a row');
    if (lists.inner || object.lists !== undefined || !isTuple(shape, [lists.items.length])) {
      throw this.#input.refuse(`${lists.items.length} lists in an array of another length`);
    }
    // From here on nobody may add to it.
    lists.inner = true;
    object.lists = lists;
  }

  #name(name: string): Name {
    if (!known.has(name)) throw this.#input.refuse(`the name ${JSON.stringify(name.slice(0, 80))}`);
    return new Name(name);
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#input.refuse('a reference to nothing');
    this.#stack.push(value);
  }

  #pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw this.#input.refuse('too few values');
    return value;
  }

  #top(): Value {
    const value = this.#stack[this.#stack.length - 1];
    if (value === undefined || value === mark) throw this.#input.refuse('too few values');
    return value;
  }

  #popMany(count: number): Value[] {
    const values: Value[] = [];
    for (let i = 0; i < count; i++) values.unshift(this.#pop());
    return values;
  }

  #toMark(): Value[] {
    const place = this.#marks.pop();
    if (place === undefined) throw this.#input.refuse('too few marks');
    const values = this.#stack.splice(place + 1);
    if (this.#stack.pop() !== mark) throw this.#input.refuse('too few values');
    return values;
  }
}

function textOf(value: Value | undefined): string | undefined {
  return value instanceof Text ? value.text : undefined;
}

function isTuple(value: Value | undefined, items: readonly Value[]): boolean {
  return (
    value instanceof Tuple && value.items.length === items.length && items.every((item, i) => item === value.items[i])
  );
}

function describe(value: Value): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof Text) return 'a text';
  return value instanceof Tuple ? 'a tuple' : 'an object';
}
