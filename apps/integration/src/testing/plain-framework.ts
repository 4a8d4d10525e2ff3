/** A framework in plain `fetch`, written from Mesos' public description of the v1 scheduler API and nothing of ours. */
type Json = { readonly [key: string]: unknown };

/** Runs one task on the first offer and gives its last state and the agent that ran it. */
export async function runPlainTask(
  master: string,
  task: Json,
): Promise<{ readonly state: string; readonly agentId: string }> {
  const api = `http://${master}/api/v1/scheduler`;
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const subscribe = { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'root', name: 'plain' } } };
  const response = await fetch(api, { method: 'POST', headers, body: JSON.stringify(subscribe) });
  const stream = { ...headers, 'Mesos-Stream-Id': response.headers.get('Mesos-Stream-Id') ?? '' };
  let frameworkId = {};
  const call = async (body: Json): Promise<unknown> =>
    await fetch(api, { method: 'POST', headers: stream, body: JSON.stringify({ framework_id: frameworkId, ...body }) });

  let bytes = Buffer.alloc(0);
  let isLaunched = false;
  for await (const chunk of response.body ?? []) {
    bytes = Buffer.concat([bytes, chunk]);
    for (let newline = bytes.indexOf(10); newline > 0; newline = bytes.indexOf(10)) {
      const end = newline + 1 + Number(bytes.subarray(0, newline));
      if (bytes.length < end) break;
      const event = JSON.parse(bytes.toString('utf8', newline + 1, end));
      bytes = bytes.subarray(end);
      if (event.type === 'SUBSCRIBED') frameworkId = event.subscribed.framework_id;
      if (event.type === 'OFFERS' && !isLaunched) {
        isLaunched = true;
        const [offer, ...others] = event.offers.offers;
        const launch = { task_infos: [{ ...task, agent_id: offer.agent_id }] };
        await call({ type: 'ACCEPT', accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch }] } });
        await call({ type: 'DECLINE', decline: { offer_ids: others.map(({ id }: Json) => id) } });
      }
      if (event.type === 'UPDATE') {
        const { task_id, agent_id, uuid, state } = event.update.status;
        if (uuid) await call({ type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } });
        if (!['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING'].includes(state)) {
          await call({ type: 'TEARDOWN' });
          return { state, agentId: agent_id.value };
        }
      }
    }
  }
  throw new Error('The master ended the stream before the task had ended');
}
