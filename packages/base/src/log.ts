/**
 * glog-style lines on stderr, as upstream's daemons write them:
 * `I1123 09:00:00.000000  4242 agent] Registered agent id="..."`. The message is a constant sentence, data are fields.
 */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger for one component; `fields` are written with every line. */
  child(component: string, fields?: LogFields): Logger;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly component: string;
  readonly fields?: LogFields;
  /** Default: process.stderr. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

export function createLogger(options: LogOptions): Logger {
  const { component, fields = {}, write = (line) => void process.stderr.write(line), now = () => new Date() } = options;
  const emit =
    (severity: 'I' | 'W' | 'E') =>
    (message: string, more: LogFields = {}): void => {
      write(`${severity}${stamp(now())} ${process.pid} ${component}] ${message}${suffix({ ...fields, ...more })}\n`);
    };
  return {
    info: emit('I'),
    warning: emit('W'),
    error: emit('E'),
    child: (name, more = {}) => createLogger({ component: name, fields: { ...fields, ...more }, write, now }),
  };
}

/** Drops everything; for tests and for callers that were given no logger. */
export const silentLogger: Logger = {
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function stamp(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const micros = String(at.getMilliseconds() * 1000).padStart(6, '0');
  return `${two(at.getMonth() + 1)}${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${micros}`;
}

function suffix(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${value instanceof Error ? JSON.stringify(value.message) : JSON.stringify(value)}`)
    .join('');
}
