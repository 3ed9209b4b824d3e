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
  deadlineMs: bigint;
  /** The execution that asked for this one, if there is one. */
  parentId?: string;
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
  retryAfterMs?: number;
}

export class ActionError extends Error {
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
export function emit(trigger: string, payload: { [name: string]: Json }, options?: { dedupKey?: string }): string;
