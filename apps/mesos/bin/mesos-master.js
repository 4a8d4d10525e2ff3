#!/usr/bin/env node
import { launch } from '@drydock/base/launch';

await launch(new URL('../src/mesos-master/main.ts', import.meta.url));
