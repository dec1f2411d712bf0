/** What an outer layer call tells the calls inside it. All calls are synchronous, so one variable holds the innermost. */
export interface CallContext {
  /** The outermost layer of the call: its losses were cleared when the call began. */
  readonly entry: object;
  /** Taken over by inner calls that are given no `training`. */
  readonly training: boolean;
  /** True while shapes are inferred: results are thrown away, so losses are not collected and batch sizes mean nothing. */
  readonly symbolic: boolean;
}

let current: CallContext | undefined;

/** The innermost running layer call, if any. @internal */
export function currentCall(): CallContext | undefined {
  return current;
}

/** Runs a layer's `call` inside a context. @internal */
export function withCall<T>(context: CallContext, fn: () => T): T {
  const outer = current;
  current = context;
  try {
    return fn();
  } finally {
    current = outer;
  }
}
