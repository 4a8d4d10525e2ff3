/** How a family of plugins words its answers; clients have to take them all. */
import { toGoJson } from '../go/go-json.ts';
import type { HttpAnswer } from './unix-http-server.ts';

export interface ReplyStyle {
  success(value: object): HttpAnswer;
  /** The driver refuses. */
  failure(text: string): HttpAnswer;
  /** The request is not JSON. */
  badRequest(text: string): HttpAnswer;
  /** There is no such call. */
  notFound(method: string, path: string): HttpAnswer;
}

/** convoy: status 200 also for errors, `text/plain`, JSON indented by tabs without a last newline. */
const convoyStyle: ReplyStyle = {
  success: (value) => convoyJson(value),
  failure: (text) => convoyJson({ Err: text }),
  badRequest: (text) => convoyJson({ Err: text }),
  notFound: (method, path) => ({
    status: 404,
    contentType: 'text/plain; charset=utf-8',
    body: `Handler not found: ${method} ${path}\n`,
  }),
};

/** Plugins written with go-plugins-helpers: status 500 (400 for a bad request) with `Err`, compact JSON and a newline. */
const sdkStyle: ReplyStyle = {
  success: (value) => sdkJson(200, value),
  failure: (text) => sdkJson(500, { Err: text }),
  badRequest: (text) => ({ status: 400, contentType: 'text/plain; charset=utf-8', body: `${text}\n` }),
  notFound: () => ({ status: 404, contentType: 'text/plain; charset=utf-8', body: '404 page not found\n' }),
};

/** flocker: status 200 also for errors, `Err` in every answer. */
const flockerStyle: ReplyStyle = {
  success: (value) => flockerJson({ Err: '', ...value }),
  failure: (text) => flockerJson({ Err: text }),
  badRequest: (text) => flockerJson({ Err: text }),
  notFound: () => ({ status: 404, contentType: 'text/html', body: '<html><body>No Such Resource</body></html>\n' }),
};

export type ReplyStyleName = 'convoy' | 'sdk' | 'flocker';

export const replyStyles: Readonly<Record<ReplyStyleName, ReplyStyle>> = {
  convoy: convoyStyle,
  sdk: sdkStyle,
  flocker: flockerStyle,
};

function flockerJson(value: object): HttpAnswer {
  return { status: 200, contentType: 'application/json', body: toGoJson(value) };
}

function convoyJson(value: object): HttpAnswer {
  return { status: 200, contentType: 'text/plain; charset=utf-8', body: toGoJson(value, '\t') };
}

function sdkJson(status: number, value: object): HttpAnswer {
  return { status, contentType: 'application/vnd.docker.plugins.v1.1+json', body: `${toGoJson(value)}\n` };
}
