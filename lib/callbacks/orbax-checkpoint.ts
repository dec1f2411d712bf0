import { StateError } from '../core/errors.js';
import { Callback } from './callback.js';

/**
 * Not there: Orbax is a library of JAX's. Making one is an error that names what does its work here.
 *
 * Source: Keras `keras.callbacks.OrbaxCheckpoint`.
 *
 * @throws {StateError} always
 */
export class OrbaxCheckpoint extends Callback {
  constructor(_options: object = {}) {
    super();
    throw new StateError(
      'OrbaxCheckpoint: expected a callback that exists here, got one that writes files of Orbax, a library of Python.',
      'Use callbacks.ModelCheckpoint for models and weights, or fit({ resume: folder }) for checkpoints to go on from.',
    );
  }
}
