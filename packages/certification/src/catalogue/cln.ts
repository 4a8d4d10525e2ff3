import { catalogueGroup } from './catalogue-entry.ts';

export const cln = catalogueGroup({
  name: 'CLN',
  title: "the suite's own conduct",
  clients: 'once',
  evidence: ['the journal', 'mount tables, volumes and sockets before and after'],
  checks: {
    'CLN-001': {
      level: 'MUST',
      tier: 'suite',
      title: 'The end is as the start',
      steps: ['Compare volumes, mounts, files, sockets and loop devices'],
      pass: 'nothing more and nothing less',
      source: 'csi-test#89, #195: leftovers',
    },
    'CLN-002': {
      level: 'MUST',
      tier: 'suite',
      title: 'Only what is in the journal is touched',
      steps: ['Compare the names in all requests with the journal'],
      pass: 'no other',
      source: 'csi-test#223: a suite removed volumes that it had not made',
    },
    'CLN-003': {
      level: 'MUST',
      tier: 'suite',
      title: 'SIGINT and a crash leave nothing for ever',
      steps: ['Interrupt a run', 'Kill a run, run again'],
      pass: 'everything is removed, by the run or by the next one',
      source: 'csi-test#225: silent errors of clean-up',
    },
    'CLN-004': {
      level: 'MUST',
      tier: 'suite',
      title: 'Every check can fail',
      steps: ['Run each check against its mutant'],
      pass: 'each mutant is killed',
      source: 'checks that cannot fail',
    },
  },
});
