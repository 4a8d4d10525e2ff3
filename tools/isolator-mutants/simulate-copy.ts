/** Plays seeds on a copy of the isolator: arguments are its `src` and how many. Exits 1 when one breaks a rule. */
import { join } from 'node:path';
import type { playSeeds as PlaySeeds } from '@drydock/isolator/simulation';

const [, , source = '', count = '0'] = process.argv;
// The copy has the shape of the original.
const module = (await import(join(source, 'simulation', 'play-seeds.ts'))) as { readonly playSeeds: typeof PlaySeeds };
const { findings } = await module.playSeeds({ firstSeed: 1, seedCount: Number(count) });
process.exitCode = findings.length === 0 ? 0 : 1;
