#!/usr/bin/env node
// The bundle is built by set-up (tools/setup.mjs) and rebuilt when it is stale: start-up time is dvdcli's main quality.
import '../dist/dvdcli.cjs';
