// The types of `petrel.js`, for editors and for TypeScript.

export type Kind =
  | 'invalid-input' | 'misconfigured' | 'denied' | 'unauthenticated' | 'not-found' | 'conflict' | 'transient'
  | 'rate-limited' | 'timeout' | 'canceled' | 'permanent';
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Context {
  /** 24 hexadecimal digits. The same if a lost run is started again. */
  executionId: string;
  pack: string;
  action: string;
  user: string;
  /** 0 for the first start, and one more for each lost run. */
  attempt: number;
  /** The time at which the host ends the call, in Unix milliseconds. */
  deadlineMs: number;
  /** The execution that asked for this one, if there is one. */
  parentId?: string | null;
  /** 32 hexadecimal digits. */
  traceId: string;
}

export interface Metadata {
  description?: string;
  idempotent?: boolean;
  parameters?: { [name: string]: object };
  output_schema?: object;
}

export interface Details {
  kind?: Kind;
  code?: string;
  hint?: string;
  details?: Json;
  /** Of the kinds `transient` and `rate-limited`: the time to wait. */
  retryAfterMs?: number;
}

export class ActionError extends Error {
  readonly kind: Kind;
  readonly code?: string;
  readonly hint?: string;
  readonly details?: any;
  readonly retryAfterMs?: number;
  constructor(message: string, details?: Details);
}

export function action<Parameters = any>(
  name: string,
  metadata: Metadata,
  run: (parameters: Parameters, context: Context) => unknown,
): void;
export function log(message: string, level?: Level, fields?: { [name: string]: Json }): void;
export function progress(fraction: number, note?: string): void;
export function config(): any;

export interface EventOptions {
  /** Events of one trigger with the same key are one event, for a while. */
  dedupKey?: string;
  /** The parameters of the trigger that it is for. */
  parameters?: { [name: string]: Json };
  /** When it happened, if that is not now: a date, or Unix milliseconds. */
  occurredAt?: Date | number;
  /** The tag of the trace that it belongs to. */
  traceTag?: string;
}

/** Returns the id of the trigger instance. */
export function emit(trigger: string, payload: { [name: string]: Json }, options?: EventOptions): string;

export interface Called {
  executionId: string;
  result: any;
}

export function call(action: string, parameters?: { [name: string]: Json }): Called;

export interface Entry {
  value: string;
  /** A mark of this state of the key, for `cas`. */
  version: string;
  /** The time from which on there is no such key, in Unix milliseconds. */
  expiresAtMs?: number;
}

export interface Lasting {
  /** The time after which the key is gone. */
  ttlMs?: number;
}

export interface Store {
  readonly label: string;
  get(key: string): Entry | undefined;
  getJson(key: string): any;
  /** Returns the version of the key. */
  set(key: string, value: string | number, options?: Lasting): string;
  setJson(key: string, value: Json, options?: Lasting): string;
  /** Fails with the kind `conflict` if the key is not `expected` any more; `undefined` is for no such key. */
  cas(key: string, expected: Entry | string | null | undefined, value: string | number, options?: Lasting): string;
  delete(key: string): boolean;
  keys(prefix?: string): string[];
}

/** The keys of the pack, or those of a store with another label. */
export function kv(store?: string): Store;

export interface Secret {
  readonly name: string;
  /** A text that stands for the secret in requests of this call. */
  placeholder(): string;
  /** The text, which is another right. */
  reveal(): string;
}

export function secret(name: string): Secret;

export interface RequestOptions {
  /** GET, or POST if there is a body. */
  method?: string;
  headers?: { [name: string]: string } | [string, string][];
  body?: string | Uint8Array;
  /** The body as JSON. */
  json?: Json;
  /** The longest time until the answer begins. */
  timeoutMs?: number;
  /** The largest body of the answer, in bytes. Default: 16 MiB. */
  largestAnswer?: number;
}

export interface Response {
  readonly status: number;
  /** Whether the status is one of success. */
  readonly ok: boolean;
  /** By names in lower case. */
  readonly headers: { [name: string]: string };
  readonly body: Uint8Array;
  text(): string;
  json(): any;
  /** This answer if it is `ok`; otherwise it throws an error of the kind that the status means. */
  success(): Response;
}

/** Makes a request, and waits for its answer: nothing is asynchronous in a component. */
export function fetch(url: string, options?: RequestOptions): Response;
