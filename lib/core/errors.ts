/** Machine-readable reason of a {@link TorchLayersError}. */
export type ErrorCode =
  | 'ERR_ARGUMENT'
  | 'ERR_SHAPE'
  | 'ERR_DTYPE'
  | 'ERR_DEVICE'
  | 'ERR_STATE'
  | 'ERR_DISPOSED'
  | 'ERR_FILE_FORMAT'
  | 'ERR_NATIVE';

/**
 * Base class of every error that this package throws on purpose.
 *
 * The first line of `message` says where, what was expected and what came; the second, indented, what to do.
 *
 * @example
 * ```ts
 * try {
 *   ops.reshape(ops.zeros([2, 3]), [4]);
 * } catch (error) {
 *   if (error instanceof errors.ShapeError) console.log(error.code, error.message);
 * }
 * ```
 */
export class TorchLayersError extends Error {
  /** Machine-readable reason. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(hint === undefined ? message : `${message}\n  ${hint}`, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An argument or option has a wrong type, name or value. */
export class ArgumentError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_ARGUMENT', message, hint, options);
  }
}

/** Shapes don't fit each other or what a layer or operation takes. */
export class ShapeError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_SHAPE', message, hint, options);
  }
}

/** A dtype is unknown, or doesn't fit the operation. */
export class DTypeError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_DTYPE', message, hint, options);
  }
}

/** A device is unknown or not there. */
export class DeviceError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_DEVICE', message, hint, options);
  }
}

/** The call is right but comes at the wrong time: while training runs, while recording, before `build`. */
export class StateError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_STATE', message, hint, options);
  }
}

/** A tensor was used after `dispose()`. */
export class DisposedError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_DISPOSED', message, hint, options);
  }
}

/** A file is truncated, corrupt or of another format than expected. */
export class FileFormatError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_FILE_FORMAT', message, hint, options);
  }
}

/** The native core refused an operation; the message carries the operator, its arguments and libtorch's reason. */
export class NativeError extends TorchLayersError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super('ERR_NATIVE', message, hint, options);
  }
}

const byCode: Record<string, new (message: string, hint?: string, options?: ErrorOptions) => TorchLayersError> = {
  ERR_ARGUMENT: ArgumentError,
  ERR_SHAPE: ShapeError,
  ERR_DTYPE: DTypeError,
  ERR_DEVICE: DeviceError,
  ERR_STATE: StateError,
  ERR_DISPOSED: DisposedError,
  ERR_FILE_FORMAT: FileFormatError,
  ERR_NATIVE: NativeError,
};

/** Turns an error thrown by the addon (a plain `Error` with a `code`) into the class of that code; others pass unchanged. */
export function translateError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TorchLayersError) return error;
  const ErrorClass = byCode[(error as { code?: string }).code ?? ''];
  return ErrorClass === undefined ? error : new ErrorClass(error.message, undefined, { cause: error });
}
