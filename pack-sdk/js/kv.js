// Keys that outlast a call, in the datastore of the host, where users see them.

import { cas, delete as remove, get, listKeys, set } from 'petrel:kv/kv@WIT';
import { asked } from './errors.js';

/** A store of keys that the operator has granted. Each function throws an error of the kind `denied` if it is not. */
class Store {
  constructor(label) {
    this.label = label;
  }

  /** A key: its value, its version, and when it expires. `undefined` if it does not exist. */
  get(key) {
    const entry = asked(() => get(this.label, key));
    return entry ? { ...entry, expiresAtMs: entry.expiresAtMs ?? undefined } : undefined;
  }

  /** The value of a key as JSON. `undefined` if it does not exist. */
  getJson(key) {
    const entry = this.get(key);
    return entry && JSON.parse(entry.value);
  }

  /** Sets a key, which expires after `ttlMs` if that is given. Returns its version once it is stored. */
  set(key, value, { ttlMs } = {}) {
    return asked(() => set(this.label, key, String(value), ttlMs));
  }

  /** As `set`, with the value as JSON. */
  setJson(key, value, options = {}) {
    return this.set(key, JSON.stringify(value), options);
  }

  /**
   * As `set`, if the key is `expected` still: an entry or its version, or `undefined` for no such key. An error of the kind
   * `conflict` says that it was otherwise, and nothing has changed.
   */
  cas(key, expected, value, { ttlMs } = {}) {
    return asked(() => cas(this.label, key, expected?.version ?? expected, String(value), ttlMs));
  }

  /** Deletes a key. Returns whether there was one. */
  delete(key) {
    return asked(() => remove(this.label, key));
  }

  /** All keys that begin with the prefix, in order. */
  keys(prefix = '') {
    const keys = [];
    let next;
    do {
      const page = asked(() => listKeys(this.label, prefix, next));
      keys.push(...page.keys);
      next = page.next ?? undefined;
    } while (next !== undefined);
    return keys;
  }
}

/** The keys of the pack; or those of a store with another label, or that all share if it is `system`. */
export function kv(store = 'pack') {
  return new Store(store);
}
