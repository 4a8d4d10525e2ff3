/** What was certified, where and how: the run, the driver with its manifest, the machine. */
import { stringify } from 'yaml';
import type { CertificationResult } from '../result-schema.ts';
import { pre } from './evidence.ts';
import { cut, formatDuration, formatTime, listOf, term } from './format.ts';
import { html, type Html } from './html.ts';

const MANIFEST_LENGTH_MAX = 20_000;

export function facts(result: CertificationResult): Html {
  const { run, driver, suite, environment, requirementSet, cleanUp } = result;
  const { configuration, ...manifest } = driver.manifest;
  const tookMs = Date.parse(run.finishedAt) - Date.parse(run.startedAt);
  return html`<h3>Run</h3>
    <dl>
      ${term('Started', formatTime(run.startedAt))} ${term('Took', formatDuration(tookMs))} ${term('Run', run.id)}
      ${term('Seed', run.seed)} ${term('Command', html`<code>${cut(run.command, 'result.json')}</code>`)}
      ${term('Tiers', requirementSet.tiersAsked.join(', '))} ${term('Clients', requirementSet.clients.join(', '))}
      ${term('Only the checks', requirementSet.checks?.join(', '))}
      ${term('Suite', `${suite.name} ${suite.version}, ${suite.checkCount} checks`)}
      ${term('Catalogue', html`<code>${suite.catalogueDigest}</code>`)}
      ${term('Left by earlier runs', listOf(cleanUp, 'result.json'))}
    </dl>
    <h3>Driver</h3>
    <dl>
      ${term('Name', driver.name)} ${term('Vendor', driver.vendor)} ${term('Version', driver.version)}
      ${term('Address', html`<code>${cut(driver.address, 'result.json')}</code>`)}
      ${term('Announced by', driver.protocol)}
      ${term('Program', driver.programDigest === undefined ? undefined : html`<code>${driver.programDigest}</code>`)}
      ${term('Manifest', html`<code>${driver.manifestDigest}</code>`)}
      ${term('Configuration for Mesos', typeof configuration === 'string' ? pre(cut(configuration, 'result.json')) : undefined)}
    </dl>
    <details class="manifest">
      <summary>The manifest, with its defaults and without its secrets</summary>
      ${pre(cut(stringify(manifest, { lineWidth: 0 }).trimEnd(), 'result.json', MANIFEST_LENGTH_MAX))}
    </details>
    <h3>Machine</h3>
    <dl>
      ${term('Kernel', environment.kernel)} ${term('Distribution', environment.distribution)}
      ${term('Architecture', environment.architecture)} ${term('Processors', environment.cpuCount)}
      ${term('Memory', `${(environment.memoryBytes / 1024 ** 3).toFixed(1)} GiB`)} ${term('Node', environment.node)}
    </dl>`;
}
