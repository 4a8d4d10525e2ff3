#!/usr/bin/env node
import { launch } from '@drydock/base/launch';

await launch(new URL('../src/mesos-agent/main.ts', import.meta.url));
