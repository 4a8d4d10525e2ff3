#!/usr/bin/env node
// The bundle is built by set-up and rebuilt there when it is stale: start-up time is dvdcli's main quality.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const bundle = fileURLToPath(new URL('../dist/dvdcli.cjs', import.meta.url));
if (existsSync(bundle)) {
  createRequire(import.meta.url)(bundle);
} else {
  console.error('dvdcli is not built yet: run `npm run setup` in the checkout');
  process.exitCode = 1;
}
