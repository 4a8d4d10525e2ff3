/** What values of flags are held against, in the words that refuse them. */
import { isIP } from 'node:net';
import { parseDurationMs } from '@drydock/base/gflags';

/** An address to listen on. */
export function checkIp(value: string): string | undefined {
  return isIP(value) === 0 ? 'Expecting an IP address' : undefined;
}

/** How many of something are kept. */
export function checkCount(value: string): string | undefined {
  return Number(value) < 0 ? 'Expecting a count, 0 or more' : undefined;
}

/** A time that has to pass. What is no duration at all is refused for that. */
export function checkNotZero(value: string): string | undefined {
  return parseDurationMs(value) === 0 ? 'Expecting more than 0' : undefined;
}
