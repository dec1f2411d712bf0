import { Progbar } from '../training/progbar.js';
import { Callback, type CallbackParams, type Logs } from './callback.js';

/**
 * Prints progress to the standard output: what `verbose` shows.
 *
 * Source: Keras `keras.callbacks.ProgbarLogger`.
 */
export class ProgbarLogger extends Callback {
  override readonly batchEvents = 'merged';
  #progbar: Progbar | null = null;
  #seen = 0;
  #target: number | null = null;
  #verbose = 1;
  #epochs = 1;
  #inFit = false;

  override get usesVariables(): boolean {
    return this.constructor !== ProgbarLogger;
  }

  override setParams(params: CallbackParams): void {
    super.setParams(params);
    this.#verbose = params.verbose === 'auto' ? 1 : params.verbose;
    this.#epochs = params.epochs;
    this.#target = params.steps;
  }

  override onTrainBegin(_logs: Logs): void {
    // Validation inside fit shows nothing of its own.
    this.#inFit = true;
  }

  override onTestBegin(_logs: Logs): void {
    if (!this.#inFit) this.#start();
  }

  override onPredictBegin(_logs: Logs): void {
    this.#start();
  }

  override onEpochBegin(epoch: number, _logs: Logs): void {
    this.#start();
    if (this.#verbose > 0 && this.#epochs > 1) process.stdout.write(`Epoch ${epoch + 1}/${this.#epochs}\n`);
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#update(batch, logs);
  }

  override onTestBatchEnd(batch: number, logs: Logs): void {
    if (!this.#inFit) this.#update(batch, logs);
  }

  override onPredictBatchEnd(batch: number, _logs: Logs): void {
    this.#update(batch, {});
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    this.#finish(logs);
  }

  override onTestEnd(logs: Logs): void {
    if (!this.#inFit) this.#finish(logs);
  }

  override onPredictEnd(_logs: Logs): void {
    this.#finish({});
  }

  #start(): void {
    this.#seen = 0;
    this.#progbar = new Progbar({ target: this.#target, verbose: this.#verbose });
  }

  #update(batch: number, logs: Logs): void {
    this.#seen = batch + 1;
    if (this.#verbose === 1) this.#progbar?.update(this.#seen, logs, { finalize: false });
  }

  #finish(logs: Logs): void {
    this.#target ??= this.#seen;
    if (this.#progbar === null) return;
    this.#progbar.target = this.#target;
    this.#progbar.update(this.#target, logs, { finalize: true });
  }
}
