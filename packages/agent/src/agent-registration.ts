import type { AgentInfo, AgentRegistration } from '@drydock/mesos';
import type { AgentOptions } from './agent-options.ts';
import type { Agent } from './agent.ts';
import { tasksOf } from './frameworks.ts';

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
      tasksOf(framework).flatMap(({ task, state, isAcknowledged }) =>
        isAcknowledged ? [] : [{ framework_id: framework.info.id, task, state }],
      ),
    ),
    executors: frameworks.flatMap(({ info: { id }, runs }) =>
      [...runs.values()].flatMap(({ isCommand, hasEnded, executor }) =>
        isCommand || hasEnded ? [] : [{ framework_id: id, executor }],
      ),
    ),
  };
}
