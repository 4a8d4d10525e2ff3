export { Agent } from './agent.ts';
export { agentResources } from './agent-resources.ts';
export { agentRoutes } from './http/agent-routes.ts';
export { recoverAgent, startSignsOfLife } from './recover-agent.ts';
