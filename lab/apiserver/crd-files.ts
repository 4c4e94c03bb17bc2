// Folders in, the texts of their CustomResourceDefinitions out.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Texts of the YAML files directly in the folders, in order of name. */
export async function readCrdFolders(...folders: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(folders.map(readFolder))
  return texts.flat()
}

async function readFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  const files = names.filter((name) => name.endsWith('.yaml')).sort()
  return Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
}
