import { executeMain } from './execute-main.ts';

// Nobody reads any more what the task does; the master removes the framework when its stream ends.
process.stdout.on('error', () => process.exit(1));

process.exit(await executeMain(process.argv.slice(2)));
