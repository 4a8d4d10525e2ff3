import { runDvdcli } from './dvdcli.ts';

// No handler for SIGTERM: a dvdcli that is told to end does so at once (exit status 143), as the real one.
void runDvdcli(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
