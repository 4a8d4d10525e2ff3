import type { CommandInfo, EnvironmentVariable, Secret } from '../v1.ts';

/** Why a command contradicts itself, or undefined. @see src/common/validation.cpp validateCommandInfo */
export function validateCommand(command: CommandInfo): string | undefined {
  for (const variable of command.environment?.variables ?? []) {
    const reason = validateVariable(variable);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function validateVariable({ name, type = 'VALUE', value, secret }: EnvironmentVariable): string | undefined {
  const subject = `Environment variable '${name}'`;
  switch (type) {
    case 'SECRET': {
      if (secret === undefined) return `${subject} of type 'SECRET' must have a secret set`;
      if (value !== undefined) return `${subject} of type 'SECRET' must not have a value set`;
      const reason = validateSecret(secret);
      if (reason !== undefined) return `${subject} specifies an invalid secret: ${reason}`;
      if (secret.value?.data.includes(0) === true) {
        return `${subject} specifies a secret containing null bytes, which is not allowed in the environment`;
      }
      return undefined;
    }
    case 'VALUE':
      if (value === undefined) return `${subject} of type 'VALUE' must have a value set`;
      return secret === undefined ? undefined : `${subject} of type 'VALUE' must not have a secret set`;
    default:
      return "Environment variable of type 'UNKNOWN' is not allowed";
  }
}

function validateSecret({ type, reference, value }: Secret): string | undefined {
  if (type === 'REFERENCE') {
    if (reference === undefined) return "Secret of type REFERENCE must have the 'reference' field set";
    if (value === undefined) return undefined;
    return `Secret '${reference.name}' of type REFERENCE must not have the 'value' field set`;
  }
  if (type === 'VALUE') {
    if (value === undefined) return "Secret of type VALUE must have the 'value' field set";
    return reference === undefined ? undefined : "Secret of type VALUE must not have the 'reference' field set";
  }
  return undefined;
}
