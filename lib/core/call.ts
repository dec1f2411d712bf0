import { ArgumentError, StateError, translateError } from './errors.js';
import { type Handle, native, type OperatorInfo } from './native.js';
import { isRecording, noteCallSite, userPlace } from './recording.js';
import { Tensor } from './tensor.js';

/** What an operator takes: tensors, numbers, strings (dtypes, devices), lists of them, `null` (None) and `undefined` (the default). */
export type CallArgument =
  | Tensor
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | readonly (Tensor | number | bigint | boolean | null)[];

const operators = new Map<string, OperatorInfo>();

function operator(name: string): OperatorInfo {
  let info = operators.get(name);
  if (info === undefined) {
    try {
      info = native.operator(name);
    } catch (error) {
      throw translateError(error);
    }
    operators.set(name, info);
  }
  return info;
}

function unwrap(arg: CallArgument): unknown {
  if (arg instanceof Tensor) return arg.operand();
  if (Array.isArray(arg)) return arg.map((item) => (item instanceof Tensor ? item.operand() : item));
  return arg;
}

function invoke(info: OperatorInfo, args: readonly CallArgument[]): unknown {
  try {
    let result: unknown;
    // Spelled out for the usual counts: spreading an array costs more than the call of a small operator.
    switch (args.length) {
      case 1:
        result = native.call(info.id, unwrap(args[0]));
        break;
      case 2:
        result = native.call(info.id, unwrap(args[0]), unwrap(args[1]));
        break;
      case 3:
        result = native.call(info.id, unwrap(args[0]), unwrap(args[1]), unwrap(args[2]));
        break;
      default:
        result = native.call(info.id, ...args.map(unwrap));
    }
    noteCallSite();
    return result;
  } catch (error) {
    const translated = translateError(error);
    // What can't be recorded was asked for by a line of the user's.
    if (translated instanceof StateError && isRecording()) {
      const message = translated.message.replace(/\.(?=\n|$)/, () => `${userPlace()}.`);
      throw new StateError(message, undefined, { cause: error });
    }
    throw translated;
  }
}

/**
 * Calls an operator of libtorch's registry that answers one tensor: `call('aten::addmm', bias, x, w)`.
 * Arguments stand in the order of the operator's schema; left-out trailing ones and `undefined` take the schema's defaults.
 * Inside a recording the call becomes a node of the program.
 */
export function call(name: string, ...args: CallArgument[]): Tensor {
  const info = operator(name);
  if (info.returns !== 'tensor') throw wrongReturn(info, 'one tensor', 'callList or callValue');
  return new Tensor(invoke(info, args) as Handle);
}

/** Calls an operator that answers several tensors, or a list of tensors. */
export function callList(name: string, ...args: CallArgument[]): Tensor[] {
  const info = operator(name);
  if (info.returns !== 'tensors') throw wrongReturn(info, 'several tensors', 'call or callValue');
  return (invoke(info, args) as Handle[]).map((handle) => new Tensor(handle));
}

/** Calls an operator that answers no tensor: a number, a boolean, nothing. Such a call can't be recorded unless it answers nothing. */
export function callValue(name: string, ...args: CallArgument[]): unknown {
  const info = operator(name);
  if (info.returns === 'tensor' || info.returns === 'tensors') throw wrongReturn(info, 'no tensor', 'call or callList');
  return invoke(info, args);
}

/** Text of an operator's schema. */
export function schemaOf(name: string): string {
  return operator(name).schema;
}

function wrongReturn(info: OperatorInfo, expected: string, use: string): ArgumentError {
  return new ArgumentError(`call: expected an operator that answers ${expected}, got ${info.schema}.`, `Use ${use}.`);
}
