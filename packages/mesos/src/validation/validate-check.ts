import type { CheckInfo, CommandInfo, HealthCheck } from '../v1.ts';
import { validateCommand } from './validate-command.ts';

type Times = Pick<HealthCheck, 'delay_seconds' | 'grace_period_seconds' | 'interval_seconds' | 'timeout_seconds'>;

/** Why a health check contradicts itself, or undefined. @see src/common/validation.cpp validateHealthCheck */
export function validateHealthCheck(check: HealthCheck): string | undefined {
  switch (check.type) {
    case undefined:
      return "HealthCheck must specify 'type'";
    case 'COMMAND': {
      if (check.command === undefined) return "Expecting 'command' to be set for COMMAND health check";
      const reason = validateCheckCommand(check.command, 'health check', "Health check's");
      if (reason !== undefined) return reason;
      break;
    }
    case 'HTTP': {
      if (check.http === undefined) return "Expecting 'http' to be set for HTTP health check";
      const { scheme, path } = check.http;
      if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
        return `Unsupported HTTP health check scheme: '${scheme}'`;
      }
      const reason = validatePath(path, 'HTTP health check');
      if (reason !== undefined) return reason;
      break;
    }
    case 'TCP':
      if (check.tcp === undefined) return "Expecting 'tcp' to be set for TCP health check";
      break;
    default:
      return "'UNKNOWN' is not a valid health check type";
  }
  return validateTimes(check);
}

/** Why a check contradicts itself, or undefined. @see src/common/validation.cpp validateCheckInfo */
export function validateCheckInfo(check: CheckInfo): string | undefined {
  switch (check.type) {
    case undefined:
      return "CheckInfo must specify 'type'";
    case 'COMMAND': {
      if (check.command === undefined) return "Expecting 'command' to be set for COMMAND check";
      const reason = validateCheckCommand(check.command.command, 'check', "Check's");
      if (reason !== undefined) return reason;
      break;
    }
    case 'HTTP': {
      if (check.http === undefined) return "Expecting 'http' to be set for HTTP check";
      const reason = validatePath(check.http.path, 'HTTP check');
      if (reason !== undefined) return reason;
      break;
    }
    case 'TCP':
      if (check.tcp === undefined) return "Expecting 'tcp' to be set for TCP check";
      break;
    default:
      return "'UNKNOWN' is not a valid check type";
  }
  return validateTimes(check);
}

function validateCheckCommand(command: CommandInfo, kind: string, whose: string): string | undefined {
  if (command.value === undefined) {
    return `Command ${kind} must contain ${command.shell === false ? "'executable path'" : "'shell command'"}`;
  }
  const reason = validateCommand(command);
  return reason === undefined ? undefined : `${whose} \`CommandInfo\` is invalid: ${reason}`;
}

function validatePath(path: string | undefined, of: string): string | undefined {
  return path === undefined || path.startsWith('/') ? undefined : `The path '${path}' of ${of} must start with '/'`;
}

function validateTimes(times: Times): string | undefined {
  for (const name of ['delay_seconds', 'grace_period_seconds', 'interval_seconds', 'timeout_seconds'] as const) {
    if ((times[name] ?? 0) < 0) return `Expecting '${name}' to be non-negative`;
  }
  return undefined;
}
