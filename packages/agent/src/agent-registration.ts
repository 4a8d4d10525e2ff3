import type { AgentInfo, AgentRegistration } from '@drydock/mesos';
import type { AgentOptions } from './agent-options.ts';
import type { Agent } from './agent.ts';

/** The agent as its master knows it; without an id until that has given one. */
export function agentInfo(options: AgentOptions, id: string | undefined): AgentInfo {
  const { hostname, port, resources, attributes } = options;
  return {
    hostname,
    port,
    resources: [...resources],
    attributes: [...attributes],
    ...(id === undefined ? {} : { id: { value: id } }),
  };
}

/** What the agent says of itself at each registration. */
export function registrationOf({ info, options, pid, frameworks }: Agent): AgentRegistration {
  return {
    agent_info: info,
    version: options.version,
    pid,
    frameworks: frameworks.map((framework) => framework.info),
    tasks: frameworks.flatMap((framework) =>
      [...framework.runs.values()].map(({ task, state }) => ({ framework_id: framework.info.id, task, state })),
    ),
  };
}
