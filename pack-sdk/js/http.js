// Requests over `wasi:http`, and their answers. `build.mjs` builds for it what imports this file, and nothing else.

import { handle } from 'wasi:http/outgoing-handler@0.2.12';
import { Fields, OutgoingBody, OutgoingRequest, RequestOptions } from 'wasi:http/types@0.2.12';
import { ActionError } from './errors.js';
import { decode, encode } from './utf8.js';

const METHODS = ['get', 'head', 'post', 'put', 'delete', 'options', 'patch'];
/** The largest body of an answer, in bytes, unless a request says less. It is the limit of the host. */
const LARGEST_ANSWER = 16 << 20;
/** So much of the body of a failure is in the details of its error. */
const LARGEST_EXCERPT = 4 << 10;
/** So many bytes the host takes at once. */
const PIECE = 4096;
/** So many bytes are asked for at once. */
const LARGEST_PIECE = 256 << 10;

/** An answer, with any status. */
class Response {
  /** `headers` has names in lower case. */
  constructor(status, headers, body) {
    Object.assign(this, { status, headers, body, ok: status >= 200 && status < 300 });
  }

  /** The body as text. */
  text() {
    return decode(this.body);
  }

  /** The body as JSON. */
  json() {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw new ActionError(`the body of the answer is not JSON: ${error.message}`, { code: 'http.json' });
    }
  }

  /** This answer, if its status is one of success; otherwise an error of the kind that the status means. */
  success() {
    if (this.ok) return this;
    let body = decode(this.body.subarray(0, LARGEST_EXCERPT));
    try {
      body = JSON.parse(body);
    } catch {
      // It stays text.
    }
    const after = this.headers['retry-after'];
    throw new ActionError(`the server answered with the status ${this.status}`, {
      kind: kindOf(this.status),
      code: `http.${this.status}`,
      details: { status: this.status, body },
      retryAfterMs: /^\d+$/.test(after) ? Math.min(Number(after), 86400) * 1000 : undefined,
    });
  }
}

/**
 * Makes a request to an address that the operator has granted, and waits for its answer. Redirects are not followed. A request
 * without an answer is an error: of the kind `denied` if its address is not granted.
 */
export function fetch(url, { method, headers = {}, body, json, timeoutMs, largestAnswer = LARGEST_ANSWER } = {}) {
  const given = (Array.isArray(headers) ? headers : Object.entries(headers)).map(([name, value]) => [name, String(value)]);
  if (json !== undefined) {
    body = JSON.stringify(json);
    if (!given.some(([name]) => name.toLowerCase() === 'content-type')) given.push(['content-type', 'application/json']);
  }
  method = (method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase();
  const what = `${method} ${String(url).split(/[?#]/)[0]}`;
  const request = requestOf(what, method, String(url), given);
  const outgoing = request.body();
  const options = new RequestOptions();
  // A host that cannot keep to it has a limit of its own.
  if (timeoutMs !== undefined) options.setFirstByteTimeout(Math.max(1, Math.round(timeoutMs)) * 1e6);
  const coming = orFailed(what, () => handle(request, options));
  const unwritten = write(outgoing, typeof body === 'string' ? encode(body) : body);
  using(coming.subscribe(), (pollable) => pollable.block());
  // A request that was not sent is not written, either; the answer says why.
  const { tag, val: answer } = coming.get().val;
  if (tag === 'err') throw failed(what, answer);
  if (unwritten) throw failedWith(what, unwritten);
  const found = {};
  for (const [name, value] of using(answer.headers(), (fields) => fields.entries())) {
    const known = name.toLowerCase();
    found[known] = found[known] === undefined ? decode(value) : `${found[known]}, ${decode(value)}`;
  }
  return new Response(answer.status(), found, read(what, answer, largestAnswer));
}

function requestOf(what, method, url, headers) {
  const [, scheme, authority, path] = /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(url) ?? [];
  if (!scheme) throw invalid(what, 'its address does not begin with https:// or http://');
  let fields;
  try {
    fields = Fields.fromList(headers.map(([name, value]) => [name, encode(value)]));
  } catch (error) {
    throw invalid(what, `a header cannot be sent: ${told(error).tag ?? error.message}`);
  }
  const request = new OutgoingRequest(fields);
  const known = method.toLowerCase();
  try {
    request.setMethod(METHODS.includes(known) ? { tag: known } : { tag: 'other', val: method });
    request.setScheme({ tag: scheme.toLowerCase() === 'https' ? 'HTTPS' : 'HTTP' });
    request.setAuthority(authority);
    request.setPathWithQuery(path.startsWith('/') ? path : `/${path}`);
  } catch {
    throw invalid(what, 'its method or address is not valid');
  }
  return request;
}

/** Writes the body of a request. Returns why it could not be written, if that was so. */
function write(body, bytes = new Uint8Array()) {
  try {
    if (bytes.length) {
      using(body.write(), (stream) => {
        for (let at = 0; at < bytes.length; at += PIECE) stream.blockingWriteAndFlush(bytes.subarray(at, at + PIECE));
      });
    }
    OutgoingBody.finish(body, undefined);
  } catch (error) {
    return `its body could not be written: ${told(error).tag ?? error.message}`;
  }
}

/** The body of an answer. */
function read(what, answer, largest) {
  const pieces = [];
  let size = 0;
  using(answer.consume(), (body) => using(body.stream(), (stream) => {
    for (let piece; (piece = next(what, stream));) {
      pieces.push(piece);
      size += piece.length;
      if (size > largest) {
        const message = `the body of the answer is larger than ${largest} bytes`;
        throw new ActionError(message, { code: 'http.too_large', hint: 'ask for less' });
      }
    }
  }));
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The next bytes of a stream; nothing at its end. */
function next(what, stream) {
  try {
    return stream.blockingRead(LARGEST_PIECE);
  } catch (error) {
    const { tag, val } = told(error);
    if (tag === 'closed') return undefined;
    if (tag !== 'last-operation-failed') throw error;
    throw failedWith(what, using(val, (failure) => failure.toDebugString()));
  }
}

function kindOf(status) {
  const known = {
    401: 'unauthenticated', 403: 'unauthenticated', 404: 'not-found', 408: 'transient', 409: 'conflict', 410: 'not-found',
    412: 'conflict', 425: 'transient', 429: 'rate-limited',
  };
  return known[status] ?? (status >= 500 ? 'transient' : 'permanent');
}

/** Uses a handle of the host, and gives it back, before that of which it is a part. */
function using(handle, use) {
  try {
    return use(handle);
  } finally {
    handle[Symbol.dispose ?? Symbol.for('dispose')]();
  }
}

/** What a function of the host has thrown. */
function told(error) {
  return error?.payload ?? error ?? {};
}

function orFailed(what, call) {
  try {
    return call();
  } catch (error) {
    throw failed(what, told(error));
  }
}

function invalid(what, why) {
  return new ActionError(`the request ${what} cannot be made: ${why}`, { kind: 'invalid-input', code: 'http.request' });
}

/** The error of a request without an answer. A denial has no code, so that the host names its own, and the remedy. */
function failed(what, { tag, val, message }) {
  switch (tag) {
    case 'HTTP-request-denied':
    case 'destination-IP-prohibited':
      return new ActionError(`${what} is not allowed`, { kind: 'denied' });
    case 'connection-timeout':
    case 'HTTP-response-timeout':
      return new ActionError(`${what} took too long`, { kind: 'timeout', code: 'http.timeout' });
    case 'internal-error':
      return failedWith(what, val ?? tag);
    default:
      return failedWith(what, tag ?? message);
  }
}

function failedWith(what, why) {
  return new ActionError(`${what} failed: ${why}`, { kind: 'transient', code: 'http.failed' });
}
