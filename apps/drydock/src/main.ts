import { messageOf } from '@drydock/base/errors';
import { createProgram } from './program.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`drydock: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
