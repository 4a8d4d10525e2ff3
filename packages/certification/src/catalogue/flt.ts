import { catalogueGroup } from './catalogue-entry.ts';

export const flt = catalogueGroup({
  name: 'FLT',
  title: 'faults between client and driver',
  clients: 'once',
  evidence: ['what was done to the connection', 'the whole history with its times'],
  checks: {
    'FLT-001': {
      level: 'MUST',
      tier: 'resilient',
      title: 'A client that goes away in a Mount leaves a sound driver',
      steps: ['Cut the connection at 0, 1/2 and 1 of the usual time of a Mount', 'Mount again, Unmount'],
      pass: 'the second try works, nothing is mounted twice, nothing is left',
      source: 'measured: dvdcli is killed, the driver works on',
    },
    'FLT-002': {
      level: 'MUST',
      tier: 'resilient',
      title: 'A call whose answer was lost can be repeated',
      steps: ['For each call: cut the connection when the driver has acted', 'Repeat the whole operation'],
      pass: 'the repetition succeeds, or Unmount and Remove say why not, and the state is that of one',
      source: 'moby#33412',
    },
    'FLT-003': {
      level: 'MUST',
      tier: 'resilient',
      title: 'A Mount that takes longer than its client waits is cleaned up',
      steps: ['Give up on a Mount half-way', 'Unmount at once, as the isolator does', 'Look when the Mount has ended'],
      pass: 'nothing is left mounted',
      source: "flocker waits 120 s, which is Mesos' limit",
    },
    'FLT-004': {
      level: 'SHOULD',
      tier: 'resilient',
      title: 'A slow client holds up nobody',
      steps: ['For budgets.raceMs: a request that comes byte by byte', 'Other calls meanwhile'],
      pass: 'they take a second at most; whether the slow connection is ended is told',
      source: 'slow loris',
    },
    'FLT-005': {
      level: 'MUST',
      tier: 'resilient',
      title: 'Garbage is refused',
      steps: ['Broken JSON, half a body, a wrong length, bytes that are no UTF-8, a byte order mark, 10 MB'],
      pass: 'each is refused; the driver lives, and its volumes are as before',
      source: 'netappdvp#56: a panic',
    },
    'FLT-006': {
      level: 'MUST',
      tier: 'resilient',
      title: '1,000 half-open connections do not stop the driver',
      steps: ['Open them, send half a request', 'Call', 'Close them, count open files'],
      pass: 'the call is answered; the files are closed',
      source: 'descriptors of plugins',
    },
    'FLT-007': {
      level: 'SHOULD',
      tier: 'resilient',
      title: 'A slow backing store stays within the budgets',
      steps: ['Slow the store down by 500 ms, give or take 200'],
      pass: 'every call ends within its budget',
      source: 'cinder waits up to 10 minutes',
    },
    'FLT-008': {
      level: 'SHOULD',
      tier: 'resilient',
      title: 'A failing backing store is told in time',
      steps: ['Let the store fail, then work', 'Create, Mount'],
      pass: 'a refusal within 110 s; no half-made volume is left, or the next try adopts it',
      source: 'Mesos gives a Mount 120 s',
    },
    'FLT-009': {
      level: 'MUST',
      tier: 'resilient',
      title: 'A driver that was paused goes on',
      steps: ['SIGSTOP half-way in a Mount, another Mount', 'SIGCONT after 20 s, or budgets.raceMs if that is less'],
      pass: 'one mount, one path',
      source: 'Jepsen, pause',
    },
    'FLT-010': {
      level: 'SHOULD',
      tier: 'resilient',
      title: 'An Unmount of a busy volume is refused, and works later',
      steps: ['Hold a file open', 'Unmount', 'Close, Unmount'],
      pass: 'refused, and told as mounted; then unmounted; or unmounted lazily at once',
      source: 'rexray',
    },
    'FLT-H01': harness('answers 5xx'),
    'FLT-H02': harness('answers 201'),
    'FLT-H03': harness('answers an empty Mountpoint'),
    'FLT-H04': harness('answers a Mountpoint with a newline'),
    'FLT-H05': harness('answers "Volume": null'),
    'FLT-H06': harness('hangs'),
    'FLT-H07': harness('drops the connection'),
    'FLT-H08': harness('leaves a stale socket'),
  },
});

/** Of the suite: its dvdcli and its isolator react to a broken driver as the real ones do. */
function harness(fault: string): {
  readonly level: 'MUST';
  readonly tier: 'suite';
  readonly title: string;
  readonly steps: readonly string[];
  readonly pass: string;
  readonly source: string;
} {
  return {
    level: 'MUST',
    tier: 'suite',
    title: `dvdcli and isolator react as the real ones when a driver ${fault}`,
    steps: [`A fake ${fault}`, 'Mount through dvdcli and through the isolator'],
    pass: 'exit status, texts and times are those that were measured of the real dvdcli',
    source: 'measured: dvdcli 0.2.x',
  };
}
