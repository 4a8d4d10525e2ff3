/** A framework in plain `fetch`, written from Mesos' public description of the v1 scheduler API and nothing of ours. */
type Json = { readonly [key: string]: unknown };

/** Runs one task on the first agent that is offered and is not `elsewhere`; tells its last state and its agent. */
export async function runPlainTask(master: string, task: Json, elsewhere = ''): Promise<Record<string, string>> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const ids: { framework_id?: unknown; agent_id?: { value: string } } = {};
  const call = async (type: string, body: Json): Promise<Response> => {
    const json = JSON.stringify({ type, framework_id: ids.framework_id, [type.toLowerCase()]: body });
    return await fetch(`http://${master}/api/v1/scheduler`, { method: 'POST', headers, body: json });
  };
  const stream = await call('SUBSCRIBE', { framework_info: { user: 'root', name: 'plain' } });
  headers['Mesos-Stream-Id'] = stream.headers.get('Mesos-Stream-Id') ?? '';
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream.body ?? []) {
    bytes = Buffer.concat([bytes, chunk]);
    for (let start = bytes.indexOf('\n') + 1; start > 0; start = bytes.indexOf('\n') + 1) {
      const end = start + Number(bytes.subarray(0, start));
      if (bytes.length < end) break;
      const { type, subscribed, offers, update } = JSON.parse(bytes.toString('utf8', start, end));
      bytes = bytes.subarray(end);
      if (type === 'SUBSCRIBED') ids.framework_id = subscribed.framework_id;
      const offer = offers?.offers.find(({ agent_id }: typeof ids) => agent_id?.value !== elsewhere);
      if (offer !== undefined && ids.agent_id === undefined) {
        ids.agent_id = offer.agent_id;
        const launch = { task_infos: [{ ...task, agent_id: offer.agent_id }] };
        await call('ACCEPT', { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch }] });
      }
      if (type !== 'UPDATE') continue;
      const { uuid, task_id, agent_id, state } = update.status;
      if (uuid !== undefined) await call('ACKNOWLEDGE', { uuid, task_id, agent_id });
      if (['TASK_STARTING', 'TASK_RUNNING'].includes(state)) continue;
      await call('TEARDOWN', {});
      return { state, agentId: agent_id.value };
    }
  }
  throw new Error('The master ended the stream before the task had ended');
}
