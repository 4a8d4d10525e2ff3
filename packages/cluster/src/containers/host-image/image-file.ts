/** A file, link or directory of an image: where it goes and what is there. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readlink, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `target` is relative to the image's root: `usr/bin/mount`. */
export type ImageFile =
  | { readonly kind: 'copy'; readonly target: string; readonly source: string; readonly mode: number }
  | { readonly kind: 'text'; readonly target: string; readonly text: string }
  | { readonly kind: 'link'; readonly target: string; readonly to: string }
  | { readonly kind: 'directory'; readonly target: string };

/** What the files are, in 64 hexadecimal digits: equal for equal content, wherever it comes from. */
export async function digestOf(files: readonly ImageFile[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files.toSorted((one, other) => (one.target < other.target ? -1 : 1))) {
    hash.update(`${file.kind} ${file.target}\0`);
    if (file.kind === 'link') hash.update(file.to);
    if (file.kind === 'text') hash.update(file.text);
    if (file.kind === 'copy') {
      hash.update(`${file.mode}\0`);
      for await (const chunk of createReadStream(file.source)) hash.update(chunk as Buffer);
    }
    hash.update('\0');
  }
  return hash.digest('hex');
}

/** Puts the files below a directory, which exists. */
export async function stage(files: readonly ImageFile[], directory: string): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.target);
    await mkdir(dirname(path), { recursive: true });
    switch (file.kind) {
      case 'copy':
        await copyFile(file.source, path);
        await chmod(path, file.mode);
        break;
      case 'text':
        await writeFile(path, file.text);
        break;
      case 'link':
        await symlink(file.to, path);
        break;
      case 'directory':
        await mkdir(path, { recursive: true });
        break;
    }
  }
}

/** Every file and link below a directory for which `isWanted` holds; `isWanted` is asked for directories, too. */
export async function filesBelow(
  source: string,
  target: string,
  isWanted: (name: string, isDirectory: boolean) => boolean = () => true,
): Promise<readonly ImageFile[]> {
  const files: ImageFile[] = [];
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (!isWanted(entry.name, entry.isDirectory())) continue;
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(from, to, isWanted)));
    else files.push(await toImageFile(from, to));
  }
  return files;
}

async function toImageFile(source: string, target: string): Promise<ImageFile> {
  const entry = await lstat(source);
  if (entry.isSymbolicLink()) return { kind: 'link', target, to: await readlink(source) };
  return { kind: 'copy', target, source, mode: (entry.mode & 0o111) === 0 ? 0o644 : 0o755 };
}
