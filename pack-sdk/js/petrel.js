// The library for packs in JavaScript and TypeScript: functions become actions of a component.
//
// `petrel pack build` bundles it with the pack's `component/actions.js` or `actions.ts`, and `component.js` beside it is
// where that begins. The former writes the version of the interface's package in place of `WIT` behind an `@`. The tutorial is
// in `template/README.md`.

import { all } from 'petrel:config/config@WIT';
import { progress as report, write } from 'petrel:log/log@WIT';
import { emit as send } from 'petrel:trigger/emit@WIT';

const KINDS = [
  'invalid-input', 'misconfigured', 'denied', 'unauthenticated', 'not-found', 'conflict', 'transient', 'rate-limited',
  'timeout', 'canceled', 'permanent',
];

/** The error of an action. Any other error is sent as a permanent one, with its stack in the output. */
export class ActionError extends Error {
  constructor(message, { kind = 'permanent', code, hint, details, retryAfterMs } = {}) {
    super(message);
    if (!KINDS.includes(kind)) throw new TypeError(`${kind} is not a kind of failures: ${KINDS.join(', ')}`);
    Object.assign(this, { kind, code, hint, details, retryAfterMs });
  }
}

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

/** Emits an event of a trigger type of the pack, and gives the id of its trigger instance. */
export function emit(trigger, payload, { dedupKey } = {}) {
  try {
    return send({ trigger, payload: JSON.stringify(payload), dedupKey });
  } catch (refused) {
    const { kind, message, code, hint } = refused.payload ?? refused;
    throw new ActionError(message, { kind: KINDS.includes(kind?.tag) ? kind.tag : 'permanent', code, hint });
  }
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
      throw wire(error);
    }
  },
};

/** The export `petrel:pack/description`. */
export const descriptionExport = {
  describe() {
    return JSON.stringify({ actions: [...actions.values()].map(({ metadata }) => metadata) });
  },
};

/** An error as the host knows it. */
function wire(error) {
  if (!(error instanceof ActionError)) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    log(error?.stack ? `${message}\n${error.stack}` : message, 'error');
    return { kind: { tag: 'permanent' }, message, code: 'component.exception' };
  }
  const { kind, message, hint, code, details, retryAfterMs } = error;
  const waits = kind === 'transient' || kind === 'rate-limited';
  const after = waits && retryAfterMs !== undefined ? Number(retryAfterMs) : undefined;
  return {
    kind: waits ? { tag: kind, val: after } : { tag: kind },
    message,
    hint,
    code,
    details: details === undefined ? undefined : JSON.stringify(details),
  };
}
