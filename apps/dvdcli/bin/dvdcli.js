#!/usr/bin/env node
'use strict';
// CommonJS (see package.json beside it), because loading one ES module costs a third of the whole run. The bundle is
// built by set-up and rebuilt there when it is stale.
try {
  require('../dist/dvdcli.cjs');
} catch (error) {
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
  console.error('dvdcli is not built yet: run `npm run setup` in the checkout');
  process.exitCode = 1;
}
