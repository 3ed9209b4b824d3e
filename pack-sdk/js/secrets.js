// Secrets that the operator has granted.

import { reveal } from 'petrel:secrets/reveal@WIT';
import { get } from 'petrel:secrets/secrets@WIT';
import { asked } from './errors.js';

class Secret {
  #handle;

  constructor(handle) {
    this.#handle = handle;
    this.name = handle.name();
  }

  /** A text that stands for the secret in requests of this call. The host puts the secret in its place. */
  placeholder() {
    return this.#handle.placeholder();
  }

  /** Its text. That is another right, and the host's audit log has a line on it. */
  reveal() {
    return asked(() => reveal(this.#handle));
  }
}

/** The secret of the pack with this name, which it asks for in its `pack.yaml`. */
export function secret(name) {
  return new Secret(asked(() => get(name)));
}
