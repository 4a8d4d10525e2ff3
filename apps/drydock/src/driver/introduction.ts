import { fill, type StartedFakeDriver } from '@drydock/fake-drivers';

export interface IntroductionOptions {
  readonly name: string;
  readonly directory: string;
  readonly isJson: boolean;
}

/** What a person, or a script, needs to know of a driver that is ready. */
export function introduce(driver: StartedFakeDriver, options: IntroductionOptions): string {
  const { socketPath, profile, seed, endpoint } = driver;
  const { name, directory, isJson } = options;
  if (isJson) {
    const facts = { name, profile: profile.name, socketPath, directory, seed, pid: process.pid };
    return `${JSON.stringify({ ...facts, ...(endpoint === undefined ? {} : { endpoint }) })}\n`;
  }
  const opts = Object.entries(profile.exampleOptions).map(
    ([key, text]) => `${key}=${fill(text, { name: 'v1', data: `${directory}/data` })}`,
  );
  const volumeOpts = opts.map((option) => ` --volumeopts=${option}`).join('');
  const driverOptions = opts.length === 0 ? {} : { driver_options: toParameters(opts) };
  const source = { type: 'DOCKER_VOLUME', docker_volume: { driver: name, name: 'v1', ...driverOptions } };
  const volumes = JSON.stringify([{ container_path: '/tmp/v1', mode: 'RW', source }]);
  const curl = `curl -s --unix-socket ${socketPath}`;
  return [
    `# ${profile.name}: ${profile.summary}`,
    `# plugin socket: ${socketPath}`,
    `# data and records: ${directory}`,
    `# seed: ${seed}`,
    ...(endpoint === undefined ? [] : [`# service that knows the volumes: ${endpoint}`]),
    '# use it:',
    `npx dvdcli mount --volumedriver=${name} --volumename=v1${volumeOpts}`,
    `npx mesos-execute --master=127.0.0.1:5050 --name=test --docker_image=ubuntu:14.04 --command="touch /tmp/v1/myfile" --volumes='${volumes}'`,
    '# ask it, and make it misbehave:',
    `${curl} http://driver/drydock/requests`,
    `${curl} http://driver/drydock/misuses`,
    `${curl} -X PUT -d 'mount: 1*error(busy) -> delay(200ms)' http://driver/drydock/faults`,
    `${curl} -X POST -d lost http://driver/drydock/restart`,
    '# a Docker Engine that once used it remembers the name; Ctrl-C here stops it and removes all of the above',
    '',
  ].join('\n');
}

function toParameters(options: readonly string[]): object {
  const parameter = options.map((option) => {
    const at = option.indexOf('=');
    return { key: option.slice(0, at), value: option.slice(at + 1) };
  });
  return { parameter };
}
