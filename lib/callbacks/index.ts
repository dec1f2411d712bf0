export { Callback, type CallbackParams, type HookResult, type Logs } from './callback.js';
export { CallbackList, type CallbackListOptions } from './callback-list.js';
export { EarlyStopping, type EarlyStoppingOptions } from './early-stopping.js';
export { History } from './history.js';
export { LambdaCallback, type LambdaCallbackOptions } from './lambda-callback.js';
export { LearningRateScheduler, type LearningRateSchedulerOptions } from './learning-rate-scheduler.js';
export { MonitorCallback, type MonitorOptions } from './monitor-callback.js';
export { ProgbarLogger } from './progbar-logger.js';
export { TerminateOnNaN, type TerminateOnNaNOptions } from './terminate-on-nan.js';
