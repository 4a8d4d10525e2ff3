/** What the framework tells: a constant sentence, and the data as fields. */
export interface News {
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type Log = (news: News) => void;

/** One line for each: JSON for machines, or `10:04:05 message key=value` for people. */
export function createLog(isJson: boolean, write: (line: string) => void, now: () => Date = () => new Date()): Log {
  return ({ message, fields = {} }) => {
    const time = now().toISOString();
    if (isJson) return write(`${JSON.stringify({ time, message, ...fields })}\n`);
    const data = Object.entries(fields).filter(([, value]) => value !== undefined);
    write(`${time.slice(11, 19)} ${message}${data.map(([key, value]) => ` ${key}=${plain(value)}`).join('')}\n`);
  };
}

/** Texts of others may have line ends and worse in them. */
function plain(value: unknown): string {
  return typeof value === 'string' && /^[\w./:*-]+$/.test(value) ? value : JSON.stringify(value);
}
