/** Builds the stand-in for the image of the document's story, `.drydock/images/ubuntu:14.04.tar`, unless it is up to date. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildStandinImage } from '@drydock/containerizer/standin-image';

const root = fileURLToPath(new URL('..', import.meta.url));
await buildStandinImage({ outputPath: join(root, '.drydock', 'images', 'ubuntu:14.04.tar') });
