/** The flags of an agent in a test: those of the document, unless the test has its own. */
export function withDocumentFlags(
  options: { readonly master: string; readonly workDir: string; readonly registry: string },
  given: readonly string[],
): readonly string[] {
  const standard = [
    `--master=${options.master}`,
    '--isolation=docker/volume,docker/runtime,filesystem/linux',
    `--work_dir=${options.workDir}`,
    '--image_providers=docker',
    '--executor_environment_variables={}',
    `--docker_registry=${options.registry}`,
  ];
  const isGiven = (flag: string): boolean => given.some((it) => nameOf(it) === nameOf(flag));
  return [...standard.filter((flag) => !isGiven(flag)), ...given];
}

/** `--name=value` -> `--name` */
function nameOf(flag: string): string {
  return flag.replace(/=.*$/s, '');
}
