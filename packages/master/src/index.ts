export { Master } from './master.ts';
export { masterRoutes } from './http/master-routes.ts';
export type { MasterObserver } from './master-events.ts';
