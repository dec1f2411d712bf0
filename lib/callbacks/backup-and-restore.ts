import { is, optional, required } from '../core/fields.js';
import type { BackupPlan } from '../training/resume.js';
import { Callback } from './callback.js';
import { FolderStore } from './checkpoint-store.js';
import * as check from './options.js';
import { optionsOf } from './options.js';

const fields = {
  backupDir: required(check.pathOf('folder')),
  saveFreq: optional(check.saveFreq, 'epoch'),
  doubleCheckpoint: optional(is.boolean, false),
  deleteCheckpoint: optional(is.boolean, true),
};

/** Options of {@link BackupAndRestore}. */
export interface BackupAndRestoreOptions {
  /** Folder of the checkpoint; made if it isn't there. */
  backupDir: string;
  /** 'epoch': a checkpoint after each epoch; a number: one each time that so many steps were done. @default 'epoch' */
  saveFreq?: 'epoch' | number;
  /** Keep the checkpoint before the newest one too, and go on from it where the newest can't be read. @default false */
  doubleCheckpoint?: boolean;
  /** Delete the checkpoint when training has come to its end. @default true */
  deleteCheckpoint?: boolean;
}

/**
 * Lets an interrupted `fit` be called again: the next one goes on where the checkpoint was taken. `fit({ resume })` does the same and keeps the
 * checkpoint at the end.
 *
 * The checkpoint holds everything that training changes (weights, optimizer, random state, step, order of the samples, history, states of callbacks), so
 * that the result has the same bits as without the interruption.
 *
 * Source: Keras `keras.callbacks.BackupAndRestore`, which keeps weights and optimizer and goes on at the beginning of an epoch; the file is our own.
 *
 * @throws {ArgumentError} for a wrong option
 * @example
 * ```ts
 * const backup = new callbacks.BackupAndRestore({ backupDir: 'runs/backup', saveFreq: 1000 });
 * await model.fit(x, y, { epochs: 5, callbacks: [backup] });
 * ```
 */
export class BackupAndRestore extends Callback {
  readonly backupDir: string;
  readonly saveFreq: 'epoch' | number;
  readonly doubleCheckpoint: boolean;
  readonly deleteCheckpoint: boolean;

  constructor(options: BackupAndRestoreOptions) {
    super();
    const { backupDir, saveFreq, doubleCheckpoint, deleteCheckpoint } = optionsOf<BackupAndRestoreOptions>(
      'BackupAndRestore',
      options,
      fields,
    );
    this.backupDir = backupDir;
    this.saveFreq = saveFreq;
    this.doubleCheckpoint = doubleCheckpoint;
    this.deleteCheckpoint = deleteCheckpoint;
  }

  override get backup(): BackupPlan {
    const { saveFreq, doubleCheckpoint, deleteCheckpoint } = this;
    return {
      store: new FolderStore(this.backupDir, { double: doubleCheckpoint }),
      every: saveFreq === 'epoch' ? null : saveFreq,
      epochs: saveFreq === 'epoch',
      remove: deleteCheckpoint,
    };
  }
}
