/**
 * Where an image is: a registry, a repository in it, and a tag or digest.
 * @see src/slave/containerizer/mesos/provisioner/docker/registry_puller.cpp normalize
 */
import { fileURLToPath } from 'node:url';
import { ImageError } from '../image-error.ts';
import { parseRegistryReference } from '../image-reference.ts';

/** What `--docker_registry` says. */
export type DockerRegistry =
  | { readonly kind: 'archives'; readonly directory: string }
  /** Scheme, host and port. */
  | { readonly kind: 'registry'; readonly origin: string };

export interface ImageLocation {
  /** Scheme, host and port. */
  readonly origin: string;
  /** `host[:port]` */
  readonly host: string;
  readonly repository: string;
  /** Of the manifest: a tag, or `sha256:<hex>`. */
  readonly reference: string;
  /** In hex, iff the image was named by digest. */
  readonly digest?: string;
}

/**
 * What Docker's names without a host mean, and the registry that serves them.
 * DEVIATION: upstream asks `docker.io` itself, which is a web site.
 */
const DOCKER_HUB = 'registry-1.docker.io';
const DOCKER_HUB_NAMES: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', DOCKER_HUB]);

/** Whether a host is one of Docker's own, which all mean Docker Hub. */
export function isDockerHub(host: string): boolean {
  return host === 'docker.io' || host.endsWith('.docker.io');
}

/** Reads `--docker_registry`. @throws ImageError, whose message says what was expected */
export function parseDockerRegistry(text: string): DockerRegistry {
  if (text.startsWith('/')) return { kind: 'archives', directory: text };
  const expected = 'Expecting an absolute path, a file:// URL, or http(s)://host[:port]';
  const url = URL.parse(text);
  if (url === null) throw new ImageError(expected);
  if (url.protocol === 'file:') {
    if (url.host !== '') throw new ImageError(`${expected}; a file is of no host`);
    return { kind: 'archives', directory: fileURLToPath(url) };
  }
  const isBare = url.pathname === '/' && url.search === '' && url.hash === '';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new ImageError(expected);
  if (url.username !== '' || url.password !== '') {
    throw new ImageError(`${expected}; credentials belong into --docker_config`);
  }
  if (!isBare) throw new ImageError(`${expected}, without a path`);
  return { kind: 'registry', origin: url.origin };
}

/** Where `name` is when names without a host are at `defaultOrigin`. @throws ImageError when it is not a name */
export function locateImage(name: string, defaultOrigin: string): ImageLocation {
  const { host: named, repository: given, tag, digest } = parseRegistryReference(name);
  const origin = named === undefined ? defaultOrigin : originOf(named, defaultOrigin, name);
  const { host } = new URL(origin);
  const isOfficial = isDockerHub(host) && !given.includes('/');
  return {
    origin,
    host,
    repository: isOfficial ? `library/${given}` : given,
    reference: digest === undefined ? tag : `sha256:${digest}`,
    ...(digest === undefined ? {} : { digest }),
  };
}

/** @see src/docker/spec.cpp getRegistryScheme */
function originOf(named: string, defaultOrigin: string, name: string): string {
  const host = DOCKER_HUB_NAMES.has(named) ? DOCKER_HUB : named;
  const byDefault = new URL(defaultOrigin);
  if (byDefault.host === host) return defaultOrigin;
  const url = URL.parse(`https://${host}`);
  if (url === null)
    throw new ImageError(`Failed to parse docker image '${name}': '${named}' is not a host and its port`);
  const isPlain = host.endsWith(':80') || (url.port !== '' && isLoopback(url.hostname));
  return isPlain ? new URL(`http://${host}`).origin : url.origin;
}

/** Whether a host of a URL is this machine, whose network nobody else listens to. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
