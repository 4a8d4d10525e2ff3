/** Asks a driver's control endpoint. Arguments: socket, method, path, body. Ends with 1 when the answer is not 2xx. */
import { request } from 'node:http';

const [, , socketPath = '', method = 'GET', path = '/', body = ''] = process.argv;
const outgoing = request({ socketPath, method, path, signal: AbortSignal.timeout(10_000) }, (response) => {
  response.pipe(process.stdout);
  const status = response.statusCode ?? 500;
  if (status < 200 || status > 299) process.exitCode = 1;
});
outgoing.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
outgoing.end(body);
