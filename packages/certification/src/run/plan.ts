/** Which checks run under which clients, and why the others do not. */
import type { ClientName, PluginAddress } from '@drydock/volume-plugin';
import { judgedTiers, type CatalogueEntry, type Tier } from '../catalogue/catalogue-entry.ts';
import { lackOf, type Manifest } from '../manifest/manifest.ts';
import type { CheckBodies, CheckBody } from './check-context.ts';

/** A check under a client; `once` checks have none. */
export interface PlannedCheck {
  readonly entry: CatalogueEntry;
  readonly client?: ClientName;
  readonly plan:
    | { readonly kind: 'run'; readonly body: CheckBody }
    /** `disabled`: by the suite or by what was asked for; `skip`: by what the manifest declares. */
    | { readonly kind: 'disabled' | 'skip'; readonly reason: string };
}

export interface Selection {
  readonly tiers: readonly Tier[];
  /** Clients that were named; undefined: the two of dvdcli, and all for checks that are limited to some. */
  readonly clients?: readonly ClientName[];
  /** Checks that were named; undefined: all of the tiers. */
  readonly ids?: readonly string[];
}

/** What of the driver decides whether a check counts. */
export interface PlannedDriver {
  readonly manifest: Manifest;
  readonly address: Pick<PluginAddress, 'kind'>;
}

const defaultClients: readonly ClientName[] = ['dvdcli-0.1', 'dvdcli-0.2'];

export function planChecks(
  entries: readonly CatalogueEntry[],
  bodies: CheckBodies,
  driver: PlannedDriver,
  selection: Selection,
): readonly PlannedCheck[] {
  return entries.flatMap((entry) => {
    const clients = clientsOf(entry, selection);
    if (clients.length === 0) {
      return [{ entry, plan: { kind: 'disabled' as const, reason: 'none of its clients was asked for' } }];
    }
    const plan = planOf(entry, bodies, driver, selection);
    return clients.map((client) => ({ entry, plan, ...(client === undefined ? {} : { client }) }));
  });
}

/** `[undefined]` for a check that runs once. */
function clientsOf(entry: CatalogueEntry, selection: Selection): readonly (ClientName | undefined)[] {
  if (entry.clients === 'once') return [undefined];
  if (entry.clients === 'every') return selection.clients ?? defaultClients;
  return entry.clients.filter((client) => selection.clients?.includes(client) ?? true);
}

function planOf(
  entry: CatalogueEntry,
  bodies: CheckBodies,
  driver: PlannedDriver,
  selection: Selection,
): PlannedCheck['plan'] {
  const body = bodies[entry.id];
  const disabled = (reason: string): PlannedCheck['plan'] => ({ kind: 'disabled', reason });
  if (selection.ids !== undefined && !selection.ids.includes(entry.id)) return disabled('another check was asked for');
  if (selection.ids === undefined && !selection.tiers.includes(entry.tier)) {
    return disabled(
      isJudged(entry.tier)
        ? `the tier ${entry.tier} was not asked for`
        : `this version does not judge the tier ${entry.tier}`,
    );
  }
  if (body === undefined) {
    return disabled(
      isJudged(entry.tier) ? 'not implemented in this version' : `this version does not judge the tier ${entry.tier}`,
    );
  }
  const lack = entry.capability === undefined ? undefined : lackOf(entry.capability, driver.manifest, driver.address);
  return lack === undefined ? { kind: 'run', body } : { kind: 'skip', reason: lack };
}

function isJudged(tier: Tier): boolean {
  return (judgedTiers as readonly Tier[]).includes(tier);
}
