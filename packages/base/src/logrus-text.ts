/**
 * Log lines as Go's logrus writes them when stderr is not a terminal, for the programs whose originals do so (dvdcli,
 * convoy): `time="2026-11-23T09:00:00Z" level=info msg="/mnt/v1" volumeDriver=x `, with a space before the newline.
 * A value is quoted only if it holds something else than letters, digits, `-` and `.`; an empty one stays empty.
 */
export type LogrusLevel = 'info' | 'warning' | 'error';

export interface LogrusLineOptions {
  /** Written after the message, in this order. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Default: now. */
  readonly at?: Date;
}

/** One whole line with its newline. */
export function toLogrusLine(level: LogrusLevel, message: string, options: LogrusLineOptions = {}): string {
  const { fields = {}, at = new Date() } = options;
  const time = at.toISOString().replace(/\.\d{3}Z$/, 'Z');
  const suffix = Object.entries(fields).map(([key, value]) => `${key}=${quoted(value)} `);
  return `time="${time}" level=${level} msg=${quoted(message)} ${suffix.join('')}\n`;
}

function quoted(value: string): string {
  return /^[a-zA-Z0-9.-]*$/.test(value) ? value : JSON.stringify(value);
}
