import { catalogueGroup } from './catalogue-entry.ts';

export const cnt = catalogueGroup({
  name: 'CNT',
  title: 'how Mesos counts',
  clients: 'every',
  evidence: ['counts of each call', 'loop devices and attachments', 'open files of the driver'],
  checks: {
    'CNT-001': {
      level: 'MUST',
      tier: 'core',
      title: 'One Unmount undoes any number of Mounts',
      steps: ['Mount 3 times, as for three containers', 'Unmount once'],
      pass: 'nothing is mounted, and the volume can be removed',
      source: 'isolator: a mount for each container, an unmount for the last one alone',
    },
    'CNT-002': {
      level: 'MUST',
      tier: 'core',
      title: 'What is still used keeps working',
      steps: ['Mount for A and for B', 'A ends: nothing is sent', 'Read and write as B'],
      pass: 'B reads and writes',
      source: 'isolator: nothing is sent while somebody holds the volume',
    },
    'CNT-003': {
      level: 'MUST',
      tier: 'core',
      title: 'Many rounds leave nothing',
      steps: ['50 times: Mount, Mount, Unmount', 'Compare mounts, open files and attachments with the start'],
      pass: 'nothing grows',
      source: 'leaks of drivers that count',
    },
    'CNT-004': {
      level: 'SHOULD',
      tier: 'core',
      clients: ['engine'],
      title: 'Ids are counted',
      steps: ['Mount under three ids', 'Unmount two of them, look', 'Unmount the last, look'],
      pass: 'mounted until the last is gone',
      source: 'Docker volume plugin API; moby#17585; sapk counts the first Mount alone',
    },
    'CNT-005': {
      level: 'MUST',
      tier: 'core',
      title: 'A task of which one volume fails leaves none mounted',
      steps: ['Mount one volume, let the mount of another fail', 'Unmount the first'],
      pass: 'nothing is left mounted, both can be used again',
      source: 'netshare#91; the isolator waits for all mounts, then cleans up',
    },
    'CNT-006': {
      level: 'SHOULD',
      tier: 'core',
      title: 'A failed Unmount does not count for ever',
      steps: ['Mount, hold a file open so that Unmount fails', 'Close, Mount for a new container, Unmount'],
      pass: 'the last Unmount unmounts; a driver whose Unmount did not fail passes',
      source: 'rexray#1301; fixed in Mesos 1.11',
    },
  },
});
