import { describe, expect, it } from 'vitest';
import { parseMountpoints } from './mount-table.ts';

describe('parseMountpoints', () => {
  it('reads mount points and their octal escapes', () => {
    const table = [
      '36 35 98:0 / /mnt/a\\040b\\134c rw - ext4 /dev/loop0 rw',
      '37 35 0:5 /x /y rw master:1 - proc p rw',
      '',
    ];
    expect(parseMountpoints(table.join('\n'))).toEqual(new Set(['/mnt/a b\\c', '/y']));
  });
});
