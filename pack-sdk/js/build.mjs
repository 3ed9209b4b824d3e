// Builds the component: bundles the actions with the library, and makes a component of the bundle.
//
// `petrel pack build` runs it with `node` in the directory whose `node_modules` has the tools:
// build.mjs ACTIONS LIBRARY WIT WORLD BUNDLE COMPONENT

import { createRequire } from 'node:module';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const [actions, library, wit, world, bundle, component] = process.argv.slice(2);
// The tools are beside the pack, and not beside this file.
const require = createRequire(join(process.cwd(), 'package.json'));
const esbuild = require('esbuild');
const { componentize } = require('componentize-qjs');

await esbuild.build({
  entryPoints: [join(library, 'component.js')],
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  alias: { petrel: join(library, 'petrel.js'), 'petrel-actions': actions },
  external: ['petrel:*', 'wasi:*'],
  logLevel: 'warning',
});
// `sync`: the host has no use for the asynchronous ABI, which is not stable.
const built = await componentize({ jsSource: await readFile(bundle, 'utf8'), witPath: wit, world, sync: true });
await writeFile(component, built.component);
