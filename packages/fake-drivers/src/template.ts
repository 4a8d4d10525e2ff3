import { createHash } from 'node:crypto';
import type { VolumeOptions } from '@drydock/volume-plugin';

/** What a profile's templates can name; see `profile.ts`. */
export interface TemplateFacts {
  readonly name: string;
  readonly uuid?: string;
  readonly index?: number;
  readonly id?: string;
  readonly mountpoint?: string;
  readonly value?: string;
  readonly options?: VolumeOptions;
  /** The driver's data directory. */
  readonly data?: string;
}

/** Fills a template in; what is not known becomes nothing. */
export function fill(template: string, facts: TemplateFacts): string {
  return template.replaceAll(/<([a-z0-9]+)(?::([a-z0-9-]+))?>/g, (_all, word: string, key: string | undefined) => {
    const option = key === undefined ? '' : (facts.options?.[key] ?? '');
    switch (word) {
      case 'option':
        return option;
      case 'md5':
        return createHash('md5').update(option).digest('hex');
      case 'name':
      case 'uuid':
      case 'index':
      case 'id':
      case 'mountpoint':
      case 'value':
      case 'data':
        return String(facts[word] ?? '');
      default:
        return '';
    }
  });
}
