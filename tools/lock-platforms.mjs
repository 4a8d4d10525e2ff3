// Adds the entries of other platforms' optional packages to package-lock.json.
//
// A registry view may lack them; npm then leaves them out of the lock, and `npm ci` refuses the lock
// ("Missing: ... from lock file"). Run after every change of dependencies: `node tools/lock-platforms.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const lockPath = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const OPERATING_SYSTEMS = ['darwin', 'android', 'freebsd', 'openharmony', 'netbsd', 'openbsd', 'sunos', 'aix', 'linux'];
const PROCESSORS = ['arm64', 'riscv64', 'ppc64', 's390x', 'loong64', 'mips64el', 'x64', 'ia32', 'arm'];

/** What a platform package is for, read from its name (`@turbo/windows-64` -> win32, x64). */
function platformOf(name) {
  const words = name.split('/').pop().split(/[-_.]/);
  const entry = {};
  const system =
    words.includes('windows') || words.includes('win32') ? 'win32' : OPERATING_SYSTEMS.find((os) => words.includes(os));
  if (system) entry.os = [system];
  const processor = words.includes('64') ? 'x64' : PROCESSORS.find((cpu) => words.includes(cpu));
  if (processor) entry.cpu = [processor];
  if (system === 'linux' && (words.includes('musl') || words.includes('gnu')))
    entry.libc = [words.includes('musl') ? 'musl' : 'glibc'];
  return entry;
}

const lock = JSON.parse(readFileSync(lockPath, 'utf8'));
let addedCount = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const hoisted = `node_modules/${name}`;
    if (lock.packages[hoisted] ?? lock.packages[nested]) continue;
    lock.packages[hoisted] = { version, ...platformOf(name), optional: true, dev: true };
    addedCount += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${addedCount} platform entries added`);
