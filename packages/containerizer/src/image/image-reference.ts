/**
 * Names of images: `[registry/]repository[:tag][@digest]`.
 * @see src/docker/spec.cpp parseImageReference
 * @see https://github.com/distribution/reference/blob/main/reference.go
 */
import { ImageError } from './image-error.ts';

export interface ImageReference {
  /** With the registry, without the tag. */
  readonly repository: string;
  readonly tag: string;
}

/** Splits a name; a missing tag is `latest`. A `:` before the last `/` belongs to a registry's port. */
export function parseImageReference(name: string): ImageReference {
  const [withoutDigest = ''] = name.split('@');
  const colon = withoutDigest.lastIndexOf(':');
  if (colon <= withoutDigest.lastIndexOf('/')) return { repository: withoutDigest, tag: 'latest' };
  return { repository: withoutDigest.slice(0, colon), tag: withoutDigest.slice(colon + 1) };
}

/** Whether two names mean the same image: Docker leaves out `docker.io/` and `library/`. */
export function isSameImage(a: string, b: string): boolean {
  const [left, right] = [parseImageReference(a), parseImageReference(b)];
  return left.tag === right.tag && shortRepository(left.repository) === shortRepository(right.repository);
}

function shortRepository(repository: string): string {
  return repository.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
}

/** A name taken apart for a registry. */
export interface RegistryReference {
  /** `host[:port]`, where the name has one. */
  readonly host?: string;
  readonly repository: string;
  readonly tag: string;
  /** In hex; wins over the tag. */
  readonly digest?: string;
}

const REPOSITORY_LENGTH_MAX = 255;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** As strict as Docker, since its parts become parts of a URL. @throws ImageError when it is not the name of an image */
export function parseRegistryReference(name: string): RegistryReference {
  const fail = (why: string): ImageError => new ImageError(`Failed to parse docker image '${name}': ${why}`);
  const at = name.indexOf('@');
  const digest = at === -1 ? undefined : /^sha256:([0-9a-f]{64})$/.exec(name.slice(at + 1))?.[1];
  if (at !== -1 && digest === undefined) {
    throw fail(`expected sha256:<64 hex digits> after the @, got '${name.slice(at + 1)}'`);
  }
  const { repository: whole, tag } = parseImageReference(name);
  const slash = whole.indexOf('/');
  const first = whole.slice(0, Math.max(slash, 0));
  const hasHost = /[.:]/.test(first) || first === 'localhost';
  const repository = hasHost ? whole.slice(slash + 1) : whole;
  if (hasHost && !HOST.test(first)) throw fail(`expected a host and its port before the first /, got '${first}'`);
  if (repository.length > REPOSITORY_LENGTH_MAX || !repository.split('/').every((part) => COMPONENT.test(part))) {
    throw fail(`expected a repository of lower-case letters, digits, '.', '_' and '-', got '${repository}'`);
  }
  if (!TAG.test(tag)) throw fail(`expected a tag of letters, digits, '.', '_' and '-', got '${tag}'`);
  return {
    repository,
    tag,
    ...(hasHost ? { host: first } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}
