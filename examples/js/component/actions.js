// The actions of the pack.

import { action, ActionError, log } from 'petrel';

action('greet', {
  description: 'Greets somebody.',
  idempotent: true,
  parameters: {
    name: { type: 'string', description: 'Whom to greet.', required: true },
    times: { type: 'integer', description: 'How often.', default: 1, minimum: 1, maximum: 10 },
  },
  output_schema: {
    type: 'object',
    properties: { text: { type: 'string', description: 'What is said.', required: true } },
  },
}, ({ name, times = 1 }) => {
  if (!name) {
    throw new ActionError('there is nobody to greet', {
      kind: 'invalid-input', code: 'hello_js.nobody', hint: 'give a name',
    });
  }
  log(`greeting ${name}`);
  return { text: Array(times).fill(`Hello, ${name}!`).join(' ') };
});

import './asked.js';
