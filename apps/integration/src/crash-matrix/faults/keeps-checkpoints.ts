/** Preloaded into an agent: the checkpoints of its volumes are not removed. */
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { replace } from '../hook/replace.ts';

replace(fsPromises, 'rm', (original) => async (...args) => {
  if (!/\/isolators\/docker\/volume\/[^/]+$/.test(String(args[0]))) await original(...args);
});
syncBuiltinESMExports();
