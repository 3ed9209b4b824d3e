// The library for packs in JavaScript and TypeScript: functions become actions of a component.
//
// `petrel pack build` bundles it with the pack's `component/actions.js` or `actions.ts`, and `component.js` beside it is
// where that begins. The former writes the version of the interface's package in place of `WIT` behind an `@`. Keys, secrets and
// requests are in files beside this one, and known here, too; what nobody uses is left out of the bundle. The tutorial is in
// `template/README.md`.

import { run } from 'petrel:actions/call@WIT';
import { all } from 'petrel:config/config@WIT';
import { progress as report, write } from 'petrel:log/log@WIT';
import { emit as send } from 'petrel:trigger/emit@WIT';
import { ActionError, asked, wire } from './errors.js';

export { ActionError } from './errors.js';
export { fetch } from './http.js';
export { kv } from './kv.js';
export { secret } from './secrets.js';

const actions = new Map();

/**
 * Makes a function an action. `metadata` is as in `actions/NAME.yaml`: description, parameters, output_schema,
 * idempotent. The function gets the parameters and the context of the call. It cannot be async.
 */
export function action(name, metadata, run) {
  actions.set(name, { metadata: { name, ...metadata }, run });
}

/** Writes a message to the output of the execution: trace, debug, info, warn or error. */
export function log(message, level = 'info', fields = undefined) {
  write(level, String(message), fields && JSON.stringify(fields));
}

/** Reports the progress, from 0 to 1. */
export function progress(fraction, note = undefined) {
  report(fraction, note);
}

/** The configuration of the pack. */
export function config() {
  return JSON.parse(all());
}

/**
 * Emits an event of a trigger type of the pack, and returns the id of its trigger instance once that is stored. Events with
 * the same `dedupKey` are one, for a while. `parameters` are those of the trigger that the event is for.
 */
export function emit(trigger, payload, { dedupKey, parameters, occurredAt, traceTag } = {}) {
  const event = {
    trigger: String(trigger),
    payload: JSON.stringify(payload),
    parameters: parameters && JSON.stringify(parameters),
    dedupKey,
    occurredAtMs: occurredAt && Number(occurredAt),
    traceTag,
  };
  return asked(() => send(event));
}

/**
 * Runs another action, and waits for its end. The pack asks for it in its `pack.yaml`. One that does not succeed is an error
 * with the code `action.failed`, whose `details` have its status and result.
 */
export function call(name, parameters = {}) {
  const { executionId, output } = asked(() => run(String(name), JSON.stringify(parameters)));
  return { executionId, result: JSON.parse(output) };
}

/** The export `petrel:pack/action`. */
export const actionExport = {
  run(context, parameters) {
    const known = actions.get(context.action);
    try {
      if (!known) throw new ActionError(`the component has no action ${context.action}`, { kind: 'not-found' });
      const result = known.run(JSON.parse(parameters), context);
      if (result instanceof Promise) throw new TypeError(`${context.action} is async, which components cannot be yet`);
      return JSON.stringify(result ?? null);
    } catch (error) {
      throw wire(told(error));
    }
  },
};

/** The export `petrel:pack/description`. */
export const descriptionExport = {
  describe() {
    return JSON.stringify({ actions: [...actions.values()].map(({ metadata }) => metadata) });
  },
};

/** An error of an action; of any other the stack is for the author. */
function told(error) {
  if (error instanceof ActionError) return error;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  log(error?.stack ? `${message}\n${error.stack}` : message, 'error');
  return { kind: 'permanent', message, code: 'component.exception' };
}
