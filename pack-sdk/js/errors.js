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

/** An error as the host knows it. */
export function wire({ kind, message, hint, code, details, retryAfterMs }) {
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
