/** How talking to a volume plugin can fail. Texts are those that the client in use shows; callers branch on `code`. */
import { DomainError } from '@drydock/base/errors';

/** No socket and no spec file has the driver's name. */
export class PluginNotFoundError extends DomainError<'PLUGIN_NOT_FOUND'> {
  readonly code = 'PLUGIN_NOT_FOUND';
  readonly driver: string;

  constructor(driver: string, text = 'plugin not found') {
    super(text);
    this.driver = driver;
  }
}

/** A spec file is there, but what it says cannot be used. */
export class PluginAddressError extends DomainError<'BAD_PLUGIN_ADDRESS'> {
  readonly code = 'BAD_PLUGIN_ADDRESS';
}

/** What a .json spec asks for TLS cannot be had: a file is missing, a key does not fit. */
export class PluginTlsError extends DomainError<'BAD_PLUGIN_TLS'> {
  readonly code = 'BAD_PLUGIN_TLS';
}

/** Nobody accepts connections at the plugin's address; the request was not sent. */
export class PluginUnreachableError extends DomainError<'PLUGIN_UNREACHABLE'> {
  readonly code = 'PLUGIN_UNREACHABLE';
}

/** The connection ended, or broke HTTP, after the request went out: the plugin may have acted on it. */
export class PluginConnectionLostError extends DomainError<'PLUGIN_CONNECTION_LOST'> {
  readonly code = 'PLUGIN_CONNECTION_LOST';
}

/** The plugin answered with another status than 200. */
export class PluginStatusError extends DomainError<'PLUGIN_STATUS'> {
  readonly code = 'PLUGIN_STATUS';
  readonly method: string;
  readonly status: number;

  constructor(method: string, status: number, text: string) {
    super(text);
    this.method = method;
    this.status = status;
  }
}

/** No answer came within the client's own bound. */
export class PluginTimeoutError extends DomainError<'PLUGIN_TIMEOUT'> {
  readonly code = 'PLUGIN_TIMEOUT';
}

/** Status 200, but the body is not the JSON that the method answers with. */
export class PluginReplyError extends DomainError<'BAD_PLUGIN_REPLY'> {
  readonly code = 'BAD_PLUGIN_REPLY';
}

/** The plugin is there, but `Implements` lacks `VolumeDriver`. */
export class NotVolumeDriverError extends DomainError<'NOT_VOLUME_DRIVER'> {
  readonly code = 'NOT_VOLUME_DRIVER';

  constructor() {
    super('Plugin does not implement the requested driver');
  }
}

/** The driver refused: status 200 with a non-empty `Err`, which is the message. */
export class DriverError extends DomainError<'DRIVER_ERROR'> {
  readonly code = 'DRIVER_ERROR';
}
