/** What a run of the scenario showed; `--json` prints it. */
export interface ScenarioResult {
  readonly isPassed: boolean;
  readonly durationMs: number;
  readonly image: string;
  /** What this run could not show, because it was an ordinary user's; nothing for root. */
  readonly limits: readonly string[];
  readonly commands: readonly ScenarioStep[];
  /** stdout of the second task's sandbox. */
  readonly sandboxStdout: string;
  readonly checks: readonly ScenarioCheck[];
}

/** One command of the document's story. */
export interface ScenarioStep {
  /** As a person would type it. */
  readonly command: string;
  /** Absent for a daemon, which goes on running. */
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly durationMs: number;
}

export interface ScenarioCheck {
  readonly name: string;
  readonly isPassed: boolean;
  /** What was seen instead. */
  readonly detail?: string;
}
