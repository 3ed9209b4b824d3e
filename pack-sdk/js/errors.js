// The errors of actions, and of what they ask of the host.

export const KINDS = [
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

/** Calls a function of the host, whose errors become those of actions. */
export function asked(call) {
  try {
    return call();
  } catch (refused) {
    // What is no error of the host is a mistake of the library, or of its caller.
    const told = refused?.payload ?? refused;
    if (!told?.kind?.tag) throw refused;
    const { kind, message, code, hint, details } = told;
    throw new ActionError(message, {
      kind: KINDS.includes(kind.tag) ? kind.tag : 'permanent',
      code: code ?? undefined,
      hint: hint ?? undefined,
      details: details ? JSON.parse(details) : undefined,
      retryAfterMs: kind.tag === 'transient' || kind.tag === 'rate-limited' ? kind.val ?? undefined : undefined,
    });
  }
}

/** A text. Anything else would end the component where it is handed to the host. */
export function text(value, what) {
  if (typeof value === 'string') return value;
  throw new TypeError(`${what} must be a string, and is ${value === null ? 'null' : `of the type ${typeof value}`}`);
}

/** As `text`, or nothing. */
export function maybeText(value, what) {
  return value === undefined || value === null ? undefined : text(value, what);
}

/** A number of milliseconds, or nothing. */
export function milliseconds(value, what) {
  if (value === undefined || value === null) return undefined;
  const number = Number(value);
  if (Number.isFinite(number)) return Math.max(0, Math.round(number));
  throw new TypeError(`${what} must be a number of milliseconds`);
}

/** An error as the host knows it. */
export function wire({ kind, message, hint, code, details, retryAfterMs }) {
  const waits = kind === 'transient' || kind === 'rate-limited';
  return {
    kind: waits ? { tag: kind, val: milliseconds(retryAfterMs, 'retryAfterMs') } : { tag: kind },
    message: String(message),
    hint: hint === undefined ? undefined : String(hint),
    code: code === undefined ? undefined : String(code),
    details: details === undefined ? undefined : JSON.stringify(details),
  };
}
