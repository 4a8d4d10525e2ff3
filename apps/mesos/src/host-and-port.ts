/** Whether `text` is `host:port`, with an IPv6 address in brackets, as upstream's `--master` without ZooKeeper. */
export function isHostAndPort(text: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
