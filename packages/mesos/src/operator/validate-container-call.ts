/** The agent's calls that launch, await, kill and remove containers. @see src/slave/validation.cpp agent::call::validate */
import { scalarOf } from '../resources/resources.ts';
import type { ContainerID, ContainerInfo } from '../v1.ts';
import { validateCommand } from '../validation/validate-command.ts';
import { validateContainer } from '../validation/validate-container.ts';
import { validateContainerId } from '../validation/validate-container-id.ts';
import { validateResourceValues } from '../validation/validate-resources.ts';
import type { AgentCall, LaunchContainer, LaunchNestedContainer } from './agent-messages.ts';

/** Why a call that has its body contradicts itself, in upstream's words and order, or undefined. */
export function validateContainerCall(call: AgentCall): string | undefined {
  switch (call.type) {
    case 'LAUNCH_NESTED_CONTAINER': {
      const { launch_nested_container: launch } = call;
      return validateNestedId('launch_nested_container', launch) ?? validateNestedLaunch(launch);
    }
    case 'WAIT_NESTED_CONTAINER':
      return validateNestedId('wait_nested_container', call.wait_nested_container);
    case 'KILL_NESTED_CONTAINER':
      return validateNestedId('kill_nested_container', call.kill_nested_container);
    case 'REMOVE_NESTED_CONTAINER':
      return validateNestedId('remove_nested_container', call.remove_nested_container);
    case 'LAUNCH_CONTAINER': {
      const { launch_container: launch } = call;
      return validateNamedId('launch_container', launch) ?? validateLaunch(launch);
    }
    case 'WAIT_CONTAINER':
      return validateNamedId('wait_container', call.wait_container);
    case 'KILL_CONTAINER':
      return validateNamedId('kill_container', call.kill_container);
    case 'REMOVE_CONTAINER':
      return validateNamedId('remove_container', call.remove_container);
    default:
      return undefined;
  }
}

interface Named {
  readonly container_id: ContainerID;
}

/** A missing body is not asked for here. */
function validateNamedId(field: string, body: Named | undefined): string | undefined {
  const reason = body === undefined ? undefined : validateContainerId(body.container_id);
  return reason === undefined ? undefined : `'${field}.container_id' is invalid: ${reason}`;
}

function validateNestedId(field: string, body: Named | undefined): string | undefined {
  const reason = validateNamedId(field, body);
  if (reason !== undefined || body === undefined || body.container_id.parent !== undefined) return reason;
  return `Expecting '${field}.container_id.parent' to be present`;
}

function validateNestedLaunch(launch: LaunchNestedContainer | undefined): string | undefined {
  if (launch === undefined) return undefined;
  return (
    validateParts('launch_nested_container', launch) ??
    (isTwiceNested(launch) && sharesCgroups(launch.container) === false
      ? deepProblem('launch_nested_container', "set 'share_cgroups' to 'false'")
      : undefined)
  );
}

function validateLaunch(launch: LaunchContainer | undefined): string | undefined {
  if (launch === undefined) return undefined;
  return validateLaunchResources(launch) ?? validateParts('launch_container', launch) ?? validateNesting(launch);
}

function validateParts(field: string, { command, container }: LaunchNestedContainer): string | undefined {
  const ofCommand = command === undefined ? undefined : validateCommand(command);
  if (ofCommand !== undefined) return `'${field}.command' is invalid: ${ofCommand}`;
  const ofContainer = container === undefined ? undefined : validateContainer(container);
  return ofContainer === undefined ? undefined : `'${field}.container' is invalid: ${ofContainer}`;
}

/** A container without a parent takes what the agent does not offer to anybody. */
function validateLaunchResources({ container_id: id, resources = [] }: LaunchContainer): string | undefined {
  const reason = validateResourceValues(resources);
  if (reason !== undefined) return `Invalid resources: ${reason}`;
  if (!Number.isInteger(scalarOf(resources, 'gpus'))) {
    return "Invalid GPU resources: The 'gpus' resource must be an unsigned integer";
  }
  if (id.parent !== undefined) return undefined;
  const field = "'launch_container.resources'";
  for (const { role = '*', reservation, reservations = [], disk, revocable } of resources) {
    if (role !== '*' || reservation !== undefined || reservations.length > 0) return `${field} must be unreserved`;
    if (disk?.persistence !== undefined) return `${field} may not use persistent volumes`;
    if (revocable !== undefined) return `${field} must be non-revocable`;
  }
  return undefined;
}

function validateNesting(launch: LaunchContainer): string | undefined {
  const { container_id: id, container, resources = [], limits = {} } = launch;
  if (isTwiceNested(launch)) {
    if (resources.length > 0) return deepProblem('launch_container', 'specify resources');
    if (Object.keys(limits).length > 0) return deepProblem('launch_container', 'specify resource limits');
    if (sharesCgroups(container) === false) return deepProblem('launch_container', "set 'share_cgroups' to 'false'");
  }
  if (id.parent === undefined && sharesCgroups(container) === true) {
    return "'launch_container' is invalid: containers without a parent cannot set 'share_cgroups' to 'true'";
  }
  return undefined;
}

function isTwiceNested({ container_id: id }: Named): boolean {
  return id.parent?.parent !== undefined;
}

function sharesCgroups(container: ContainerInfo | undefined): boolean | undefined {
  return container?.linux_info?.share_cgroups;
}

function deepProblem(field: string, what: string): string {
  return `'${field}' is invalid: containers nested at the second level or greater cannot ${what}`;
}
