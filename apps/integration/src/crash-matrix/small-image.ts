import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrThrow } from '@drydock/base/subprocess';

/** The image of the matrix. */
export const IMAGE_NAME = 'small';

/** A `docker save` archive with a shell and next to nothing else: every entry that is unpacked is an effect to be tried. */
export async function buildSmallImage(directory: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'drydock-small-image-'));
  try {
    const root = join(work, 'root');
    await mkdir(join(root, 'bin'), { recursive: true });
    await copyFile('/bin/busybox', join(root, 'bin', 'busybox'));
    await symlink('busybox', join(root, 'bin', 'sh'));
    await symlink('busybox', join(root, 'bin', 'sleep'));
    await mkdir(join(work, 'image'));
    await runOrThrow(['tar', '-C', root, '-cf', join(work, 'image', 'layer.tar'), 'bin'], { timeoutMs: 10_000 });
    const digest = createHash('sha256')
      .update(await readFile(join(work, 'image', 'layer.tar')))
      .digest('hex');
    const configuration = {
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    };
    const manifest = [{ Config: 'config.json', RepoTags: [IMAGE_NAME], Layers: ['layer.tar'] }];
    await writeFile(join(work, 'image', 'config.json'), JSON.stringify(configuration));
    await writeFile(join(work, 'image', 'manifest.json'), JSON.stringify(manifest));
    await mkdir(directory, { recursive: true });
    const archive = join(directory, `${IMAGE_NAME}.tar`);
    const names = ['manifest.json', 'config.json', 'layer.tar'];
    await runOrThrow(['tar', '-C', join(work, 'image'), '-cf', archive, ...names], { timeoutMs: 10_000 });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
