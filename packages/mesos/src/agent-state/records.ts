/**
 * What an agent keeps on disk below `meta`, as TypeScript sees it: names and optionality of `proto/agent_state.proto`.
 * @see src/messages/messages.proto
 */
import type { AgentID, ExecutorID, FrameworkID, TaskState, TaskStatus } from '../v1.ts';

/** A status on its way to the framework. */
export interface StatusUpdate {
  framework_id: FrameworkID;
  executor_id?: ExecutorID;
  slave_id?: AgentID;
  status: TaskStatus;
  /** Seconds since the epoch. */
  timestamp: number;
  uuid?: Uint8Array;
  latest_state?: TaskState;
}

/** One record of a task's journal; `type` says which body counts. */
export interface StatusUpdateRecord {
  type: 'UPDATE' | 'ACK';
  update?: StatusUpdate;
  /** Of the update that was acknowledged. */
  uuid?: Uint8Array;
}
