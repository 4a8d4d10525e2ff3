/** A scheduler as small as can be, in plain fetch: keeps one task with a volume running. For the example in the README. */
export interface MyScheduler extends AsyncDisposable {
  stop(): Promise<void>;
}

interface Event {
  readonly type: string;
  readonly subscribed?: { readonly framework_id: object };
  readonly offers?: { readonly offers: readonly { readonly id: object; readonly agent_id: object }[] };
  readonly update?: {
    readonly status: { readonly task_id: object; readonly agent_id: object; readonly uuid?: string };
  };
}

const scalar = (name: string, value: number): object => ({ name, type: 'SCALAR', scalar: { value } });

export async function startMyScheduler(options: { master: string; volumeDriver: string }): Promise<MyScheduler> {
  const closing = new AbortController();
  const post = async (body: object, headers: Record<string, string> = {}): Promise<Response> =>
    await fetch(`${options.master}/api/v1/scheduler`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: closing.signal,
    });
  const info = { user: 'root', name: 'my-scheduler', checkpoint: true };
  const stream = await post({ type: 'SUBSCRIBE', subscribe: { framework_info: info } });
  const streamId = { 'Mesos-Stream-Id': stream.headers.get('Mesos-Stream-Id') ?? '' };
  let frameworkId: object | undefined;
  let isLaunched = false;
  const call = async (type: string, body: object): Promise<void> => {
    await post({ type, framework_id: frameworkId, ...body }, streamId);
  };
  const task = (agentId: object): object => ({
    name: 'worker-1',
    task_id: { value: 'worker-1' },
    agent_id: agentId,
    resources: [scalar('cpus', 0.1), scalar('mem', 32)],
    command: { value: 'touch /data/alive; exec sleep 600' },
    container: {
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } },
      volumes: [
        {
          container_path: '/data',
          mode: 'RW',
          source: { type: 'DOCKER_VOLUME', docker_volume: { driver: options.volumeDriver, name: 'work' } },
        },
      ],
    },
  });
  const hear = async ({ subscribed, offers, update }: Event): Promise<void> => {
    frameworkId ??= subscribed?.framework_id;
    const [offer, ...others] = offers?.offers ?? [];
    if (offer !== undefined && !isLaunched) {
      isLaunched = true;
      const operations = [{ type: 'LAUNCH', launch: { task_infos: [task(offer.agent_id)] } }];
      await call('ACCEPT', { accept: { offer_ids: [offer.id], operations } });
      if (others.length > 0) await call('DECLINE', { decline: { offer_ids: others.map(({ id }) => id) } });
    }
    if (update?.status.uuid !== undefined) await call('ACKNOWLEDGE', { acknowledge: update.status });
  };
  const hearing = listen(stream, hear);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping ??= call('TEARDOWN', {}).finally(() => closing.abort());
    await stopping;
    await hearing;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

/** Reads RecordIO: a length, a line feed, so many bytes. Ends with the stream. */
async function listen(stream: Response, hear: (event: Event) => Promise<void>): Promise<void> {
  let bytes = Buffer.alloc(0);
  try {
    for await (const chunk of stream.body ?? []) {
      bytes = Buffer.concat([bytes, chunk]);
      for (let newline = bytes.indexOf(10); newline > 0; newline = bytes.indexOf(10)) {
        const end = newline + 1 + Number(bytes.subarray(0, newline));
        if (bytes.length < end) break;
        await hear(JSON.parse(bytes.toString('utf8', newline + 1, end)) as Event);
        bytes = bytes.subarray(end);
      }
    }
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
  }
}
