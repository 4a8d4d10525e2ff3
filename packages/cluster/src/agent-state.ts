/** What `GET /state` of an agent says of executors, as far as it is used here. */
export interface AgentState {
  readonly id: string;
  readonly frameworks: readonly AgentFramework[];
  readonly completed_frameworks: readonly AgentFramework[];
}

interface AgentFramework {
  readonly id: string;
  readonly executors: readonly AgentExecutor[];
  readonly completed_executors: readonly AgentExecutor[];
}

export interface AgentExecutor {
  readonly id: string;
  /** Of its sandbox; empty when it has none. */
  readonly directory: string;
  readonly tasks: readonly { readonly id: string }[];
  readonly completed_tasks: readonly { readonly id: string }[];
}
