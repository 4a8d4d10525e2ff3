export { Master } from './master.ts';
export { masterRoutes } from './http/master-routes.ts';
