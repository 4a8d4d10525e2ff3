// Bundles dvdcli into dist/dvdcli.cjs when it is missing or stale. Plain JavaScript, because set-up may run it on an
// older Node than the one that strips types. Prints one line when it builds, nothing when there is nothing to do.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, version } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const bundle = join(here, 'dist', 'dvdcli.cjs');

/** Everything that can change the bundle. */
const sources = ['apps/dvdcli/src', 'packages/volume-plugin/src', 'packages/base/src'];

const stamp = `// sources: ${fingerprint()}`;
if (!existsSync(bundle) || !readFileSync(bundle, 'utf8').startsWith(stamp)) await writeBundle();

function fingerprint() {
  const hash = createHash('sha256')
    .update(version)
    .update(readFileSync(fileURLToPath(import.meta.url)));
  for (const directory of sources) {
    const files = readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /\.m?[jt]s$/.test(name) && !name.includes('.test.')).sort()) {
      hash.update(`\0${directory}/${file}\0`).update(readFileSync(join(root, directory, file)));
    }
  }
  return hash.digest('hex');
}

async function writeBundle() {
  mkdirSync(dirname(bundle), { recursive: true });
  const temporary = `${bundle}.${process.pid}.tmp`;
  try {
    await build({
      absWorkingDir: here,
      entryPoints: ['src/main.ts'],
      outfile: temporary,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      // Imports that only unused modules have would otherwise stay as require() calls that cost start-up time.
      treeShaking: true,
      // Names stay, for the sake of stack traces; the rest is read at every start.
      minifyWhitespace: true,
      minifySyntax: true,
      banner: { js: stamp },
      logLevel: 'error',
    });
    renameSync(temporary, bundle);
  } finally {
    rmSync(temporary, { force: true });
  }
  console.log(`Built ${relative(root, bundle)}`);
}
