/** Frameworks: subscribed, failed over, updated, removed. */
import {
  frameworkRoles,
  validateFramework,
  validateFrameworkUpdate,
  validateSuppressedRoles,
  type EventChannel,
  type FrameworkInfo,
  type SchedulerCall,
  type SchedulerEvent,
} from '@drydock/mesos';
import { OfferFilters } from './allocation/offer-filters.ts';
import { Shares } from './allocation/shares.ts';
import { HEARTBEAT_MS } from './event-channel.ts';
import { executorsOf } from './executors.ts';
import type { Master } from './master.ts';
import { trimToNewest, type FrameworkRecord } from './registry.ts';

type Subscribe = NonNullable<SchedulerCall['subscribe']>;

export class Frameworks {
  readonly #master: Master;
  #count = 0;

  constructor(master: Master) {
    this.#master = master;
  }

  /**
   * Connects a framework, new or known; the channel gets SUBSCRIBED first.
   * @returns why the subscription is refused, in upstream's words
   */
  subscribe(call: Subscribe, channel: EventChannel<SchedulerEvent>): string | undefined {
    const { registry, events, counters } = this.#master;
    const { framework_info: info } = call;
    const id = info.id?.value ?? '';
    counters.count(id === '' ? 'messages_register_framework' : 'messages_reregister_framework');
    const problem = this.#validate(info) ?? validateOptions(call);
    if (problem !== undefined) return problem;
    if (id === '') {
      const framework = this.#add({ ...info, id: { value: this.#nextId() } });
      suppress(framework, call.suppressed_roles);
      this.#connect(framework, channel);
      events.frameworkAdded(framework);
      return undefined;
    }
    const framework = registry.frameworks.get(id) ?? this.recover({ ...info, id: { value: id } });
    // As upstream: these two cannot change, and asking for it is no reason to keep the framework out.
    const { user, checkpoint = false } = framework.info;
    const updated = { ...info, id: { value: id }, user, checkpoint };
    const updateProblem = validateFrameworkUpdate(framework.info, updated);
    if (updateProblem !== undefined) return updateProblem;
    this.#update(framework, updated, call);
    framework.reregisteredAt = this.#master.nowSeconds();
    if (framework.isRecovered) framework.registeredAt = framework.reregisteredAt;
    framework.isRecovered = false;
    this.#connect(framework, channel);
    this.#tell(framework);
    return undefined;
  }

  /**
   * UPDATE_FRAMEWORK.
   * @returns why it is refused, in upstream's words
   */
  update(framework: FrameworkRecord, call: Subscribe): string | undefined {
    const { framework_info: info } = call;
    const problem = this.#validate(info);
    if (problem !== undefined) return `Supplied FrameworkInfo is not valid: ${problem}`;
    const updateProblem = validateFrameworkUpdate(framework.info, info);
    if (updateProblem !== undefined) return `FrameworkInfo update is not valid: ${updateProblem}`;
    const optionsProblem = validateOptions(call);
    if (optionsProblem !== undefined) return `'UpdateFramework' call is not valid: ${optionsProblem}`;
    this.#update(framework, { ...info, id: framework.info.id }, call);
    this.#tell(framework);
    this.#master.offers.allocateSoon();
    return undefined;
  }

  /**
   * A framework that is known from elsewhere and has not subscribed to this master yet.
   *
   * DEVIATION: upstream keeps it for ever, and what it runs. Here it is removed when it does not come back.
   */
  recover(info: FrameworkRecord['info']): FrameworkRecord {
    const framework = this.#add(info);
    framework.isRecovered = true;
    // Everybody has that long to come back after a restart of the master.
    this.#awaitReturn(framework, this.#master.options.agentReregisterTimeoutMs);
    this.#master.events.frameworkAdded(framework);
    return framework;
  }

  /** TEARDOWN, or a framework that did not come back: its tasks are killed. */
  remove(framework: FrameworkRecord): void {
    const { registry, offers, tasks, executors, events, options } = this.#master;
    if (registry.frameworks.get(framework.id) !== framework) return;
    framework.failover?.[Symbol.dispose]();
    offers.discardOf(framework);
    for (const agent of registry.agents.values()) {
      agent.channel?.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: framework.info.id } });
    }
    for (const task of [...framework.tasks.values(), ...framework.unreachableTasks.values()]) tasks.abandon(task);
    for (const executor of executorsOf(framework)) executors.remove(executor);
    const { channel } = framework;
    framework.channel = undefined;
    channel?.end();
    framework.filters.clear();
    framework.unregisteredAt = this.#master.nowSeconds();
    registry.frameworks.delete(framework.id);
    registry.completedFrameworks.set(framework.id, framework);
    trimToNewest(registry.completedFrameworks, options.completedFrameworkCountMax);
    events.frameworkRemoved(framework);
    options.logger.info('Removed a framework', { frameworkId: framework.id });
    offers.allocateSoon();
  }

  #nextId(): string {
    return `${this.#master.id}-${String(this.#count++).padStart(4, '0')}`;
  }

  #validate(info: FrameworkInfo): string | undefined {
    const { options, registry } = this.#master;
    const problem = validateFramework(info, {
      isRootAllowed: options.isRootAllowed,
      ...(options.roles === undefined ? {} : { roles: options.roles }),
    });
    if (problem !== undefined) return problem;
    return registry.completedFrameworks.has(info.id?.value ?? '') ? 'Framework has been removed' : undefined;
  }

  #add(info: FrameworkRecord['info']): FrameworkRecord {
    const framework: FrameworkRecord = {
      id: info.id.value,
      info,
      isRecovered: false,
      channel: undefined,
      registeredAt: this.#master.nowSeconds(),
      reregisteredAt: undefined,
      unregisteredAt: undefined,
      tasks: new Map(),
      unreachableTasks: new Map(),
      completedTasks: [],
      executors: new Map(),
      offers: new Map(),
      filters: new OfferFilters(),
      suppressedRoles: new Set(),
      shares: new Shares(),
      failover: undefined,
    };
    this.#master.registry.frameworks.set(framework.id, framework);
    return framework;
  }

  #update(framework: FrameworkRecord, info: FrameworkRecord['info'], call: Subscribe): void {
    const roles = new Set(frameworkRoles(info));
    framework.filters.clear(frameworkRoles(framework.info).filter((role) => !roles.has(role)));
    for (const offer of framework.offers.values()) if (!roles.has(offer.role)) this.#master.offers.rescind(offer);
    framework.info = info;
    suppress(framework, call.suppressed_roles);
  }

  /** Observers, and the agents that run its tasks and executors, see what it says of itself now. */
  #tell(framework: FrameworkRecord): void {
    const { registry, events } = this.#master;
    events.frameworkUpdated(framework);
    const ofTasks = [...framework.tasks.values()].map(({ agentId }) => agentId);
    const agentIds = new Set([...ofTasks, ...framework.executors.keys()]);
    for (const agentId of agentIds) {
      const event = { type: 'UPDATE_FRAMEWORK', update_framework: { framework_info: framework.info } } as const;
      registry.agents.get(agentId)?.channel?.send(event);
    }
  }

  #connect(framework: FrameworkRecord, channel: EventChannel<SchedulerEvent>): void {
    const { offers, options, info } = this.#master;
    // Whoever was there before is told and cut off; what it was offered is nobody's any more.
    const previous = framework.channel;
    previous?.send({ type: 'ERROR', error: { message: 'Framework failed over' } });
    previous?.end();
    offers.discardOf(framework);
    framework.failover?.[Symbol.dispose]();
    framework.failover = undefined;
    framework.channel = channel;
    framework.filters.clear();
    channel.send({
      type: 'SUBSCRIBED',
      subscribed: {
        framework_id: framework.info.id,
        heartbeat_interval_seconds: HEARTBEAT_MS / 1000,
        master_info: info,
      },
    });
    options.logger.info('Subscribed a framework', { frameworkId: framework.id, name: framework.info.name });
    void channel.closed().then(() => this.#disconnected(framework, channel));
    offers.allocateSoon();
  }

  #disconnected(framework: FrameworkRecord, channel: EventChannel<SchedulerEvent>): void {
    if (framework.channel !== channel) return;
    const { offers, options } = this.#master;
    framework.channel = undefined;
    offers.discardOf(framework);
    framework.filters.clear();
    framework.suppressedRoles.clear();
    options.logger.info('A framework disconnected', { frameworkId: framework.id });
    this.#awaitReturn(framework, 0);
    offers.allocateSoon();
  }

  #awaitReturn(framework: FrameworkRecord, timeoutMsMin: number): void {
    const timeoutMs = Math.max((framework.info.failover_timeout ?? 0) * 1_000, timeoutMsMin);
    framework.failover = this.#master.timers.after(timeoutMs, () => this.remove(framework));
  }
}

function suppress(framework: FrameworkRecord, roles: readonly string[] = []): void {
  framework.suppressedRoles.clear();
  for (const role of roles) framework.suppressedRoles.add(role);
}

/** What a subscription asks for beside what the framework is. */
function validateOptions({
  framework_info: info,
  suppressed_roles: suppressed = [],
  ...call
}: Subscribe): string | undefined {
  const problem = validateSuppressedRoles(frameworkRoles(info), suppressed);
  if (problem !== undefined) return problem;
  const constraints = Object.keys(call.offer_constraints?.role_constraints ?? {});
  // DEVIATION: upstream filters agents by them. A framework that asks for some agents only must not get others.
  return constraints.length === 0 ? undefined : 'Offer constraints are not supported';
}
