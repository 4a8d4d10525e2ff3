/**
 * Names of images: `[registry/]repository[:tag][@digest]`.
 * @see src/docker/spec.cpp parseImageReference
 */
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
