// Actions that ask something of the host: keys, an event, a request.

import { action, ActionError, emit, fetch, kv } from 'petrel';

action('count', {
  description: 'Adds to a number that outlasts the call.',
  parameters: {
    key: { type: 'string', description: 'Where the number is.', required: true },
    by: { type: 'integer', description: 'How much.', default: 1 },
  },
  output_schema: { type: 'object', properties: { count: { type: 'integer', required: true } } },
}, ({ key, by = 1 }) => {
  const keys = kv();
  for (;;) {
    const entry = keys.get(key);
    const count = Number(entry?.value ?? 0) + by;
    if (!Number.isSafeInteger(count)) throw new ActionError(`the key ${key} has no number that could be added to`);
    try {
      keys.cas(key, entry, count);
      return { count };
    } catch (error) {
      // Somebody else was faster.
      if (error.kind !== 'conflict') throw error;
    }
  }
});

action('announce', {
  description: 'Emits an event.',
  parameters: { text: { type: 'string', description: 'What is announced.', required: true } },
  output_schema: { type: 'object', properties: { announced: { type: 'string', required: true } } },
}, ({ text }) => {
  emit('announced', { text });
  return { announced: text };
});

action('fetch', {
  description: 'Gets what is at an address.',
  idempotent: true,
  parameters: { url: { type: 'string', description: 'The address.', required: true } },
  output_schema: {
    type: 'object',
    properties: { status: { type: 'integer', required: true }, body: { type: 'string', required: true } },
  },
}, ({ url }) => {
  const answer = fetch(url);
  return { status: answer.status, body: answer.text() };
});

action('spin', { description: 'Never ends.' }, () => {
  for (;;);
});
