export { createPluginRouter } from './plugin-router.ts';
export type { PluginCall, VolumeDriverHandlers } from './plugin-router.ts';
export { replyStyles } from './reply-style.ts';
export type { ReplyStyleName } from './reply-style.ts';
export { startUnixHttpServer } from './unix-http-server.ts';
export type { StartedUnixHttpServer } from './unix-http-server.ts';
export type { HttpAnswer, HttpReply, HttpRequest } from './unix-http-server.ts';
export { startVolumePlugin } from './volume-plugin.ts';
