#!/usr/bin/env node
import { launch } from '@drydock/base/launch';

await launch(new URL('../src/main.ts', import.meta.url));
