// Builds the component: bundles the actions with the library, and makes a component of the bundle.
//
// `petrel pack build` runs it with `node` in the directory whose `node_modules` has the tools:
// build.mjs ACTIONS LIBRARY WIT WORLD BUNDLE COMPONENT

import { createRequire } from 'node:module';
import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const [actions, library, wit, world, bundle, component] = process.argv.slice(2);
// The tools are beside the pack, and not beside this file.
const require = createRequire(join(process.cwd(), 'package.json'));
const esbuild = require('esbuild');
const { componentize } = require('componentize-qjs');

// The tool begins the component while it builds, with streams of its own behind `wasi:io`, and with nothing behind `wasi:http`,
// which has to share them. So what requests need has a name of its own until the component is built, which is as long; and
// another version, since the component imports `wasi:io` beside it. Hosts take one version of WASI 0.2 for any other.
const [REAL, MEANWHILE] = ['wasi:', 'here:'];
const [VERSION, OTHER_VERSION] = ['@0.2.12', '@0.2.11'];
const PACKAGES = ['clocks', 'http', 'io'];
/** The world of components that make requests, in a file of its own beside the others. */
const REQUESTS = { world: 'requesting-action-world', file: 'requests.wit' };

const meanwhile = (text) => text.replaceAll(REAL, MEANWHILE).replaceAll(VERSION, OTHER_VERSION);

const { metafile } = await esbuild.build({
  entryPoints: [join(library, 'component.js')],
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  alias: { petrel: join(library, 'petrel.js'), 'petrel-actions': actions },
  external: ['petrel:*'],
  plugins: [{
    name: 'wasi',
    setup: (build) => build.onResolve({ filter: /^wasi:/ }, ({ path }) => ({ path: meanwhile(path), external: true })),
  }],
  metafile: true,
  logLevel: 'warning',
});
const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
const makesRequests = imported.some(({ path }) => path.startsWith(MEANWHILE));
const built = await componentize({
  jsSource: await readFile(bundle, 'utf8'),
  witPath: makesRequests ? await witOfRequests() : wit,
  world: makesRequests ? REQUESTS.world : world,
  // The host has no use for the asynchronous ABI, which is not stable.
  sync: true,
});
await writeFile(component, makesRequests ? renamed(Buffer.from(built.component)) : built.component);

/** The WIT with the other names, beside the bundle. */
async function witOfRequests() {
  const other = join(dirname(bundle), 'wit-of-requests');
  await rm(other, { recursive: true, force: true });
  await cp(wit, other, { recursive: true });
  const files = [join(other, REQUESTS.file)];
  for (const directory of PACKAGES.map((name) => join(other, 'deps', name))) {
    files.push(...(await readdir(directory)).map((file) => join(directory, file)));
  }
  for (const file of files) await writeFile(file, meanwhile(await readFile(file, 'utf8')));
  return other;
}

/** The component with the right names in its imports. What is inside of it may go on to say otherwise. */
function renamed(component) {
  const IMPORTS = 10;
  for (let at = 8; at < component.length;) {
    const section = component[at++];
    let size = 0;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = component[at++];
      size |= (byte & 0x7f) << shift;
    }
    const content = component.subarray(at, at + size);
    if (section === IMPORTS) {
      for (let place; (place = content.indexOf(MEANWHILE)) >= 0;) content.write(REAL, place);
    }
    at += size;
  }
  return component;
}
