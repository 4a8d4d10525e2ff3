import { describe, expect, it } from 'vitest';
import { unreachable } from './answers.ts';
import { RegistryError, TransientError } from './registry-error.ts';

/** As `fetch` rejects. */
const fetchFailure = (code: string, message: string): TypeError =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
const url = new URL('https://registry.test/v2/');

describe('a request without an answer', () => {
  it.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5000'],
    ['ECONNRESET', 'read ECONNRESET'],
    ['EAI_AGAIN', 'getaddrinfo EAI_AGAIN registry.test'],
    ['UND_ERR_CONNECT_TIMEOUT', 'Connect Timeout Error'],
  ])('because of %s may get one the next time', (code, message) => {
    const error = unreachable(url, fetchFailure(code, message));
    expect(error).toBeInstanceOf(TransientError);
    expect(error.message).toBe(`Failed to reach https://registry.test: ${code}: ${message}`);
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate'],
    ['CERT_HAS_EXPIRED', 'certificate has expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames"],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number'],
  ])('because of %s gets none, and the message says what to do', (code, message) => {
    const error = unreachable(url, fetchFailure(code, message));
    expect(error).toBeInstanceOf(RegistryError);
    expect(error.message).toBe(
      `Failed to reach https://registry.test: ${code}: ${message}; give the authority of its certificate in NODE_EXTRA_CA_CERTS, or http:// if it speaks that`,
    );
  });
});
