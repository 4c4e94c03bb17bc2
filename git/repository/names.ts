// Names that come from outside, checked before git or anything else sees them (pure).

/** Branch names by the rules of `git check-ref-format`, and never one that begins with a dash. */
export function isBranchName(name: string): boolean {
  return (
    name.length <= 255 &&
    /^[^-/.]/.test(name) &&
    !/[/.]$/.test(name) &&
    !/\.\.|@\{|\/\/|\/\.|[\s~^:?*[\\]/.test(name) &&
    !hasControl(name) &&
    name.split('/').every((part) => !part.endsWith('.lock')) &&
    name !== '@'
  )
}

export function isCommitId(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

/** Why a path in a tree is refused, or null. Case and invisible characters do not hide a `.git`. */
export function pathProblem(path: string): string | null {
  if (path.length > 1024) return 'its path is longer than 1,024 characters'
  if (path === '' || path.startsWith('/')) return 'its path is absolute or empty'
  if (path.includes('\\')) return 'its path has a backslash'
  if (hasControl(path)) return 'its path has a control character'
  if (path.includes('\uFFFD')) return 'its path is not UTF-8'
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'its path has an empty, . or .. part'
    if (isGitLookAlike(part)) return 'its path has a part that looks like .git'
  }
  if (invisible.test(path)) return 'its path has a character that is not seen, or seen as another'
  return null
}

/** What turns, joins or widens a text without a mark of its own: two paths may look the same by it. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u

export function isUrl(url: string): boolean {
  return /^(https|ssh|file):\/\/[^\s-][^\s]*$/.test(url) && !hasControl(url) && url.length <= 2048
}

function isGitLookAlike(part: string): boolean {
  const plain = part
    .normalize('NFKC')
    .replaceAll(/[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/g, '')
    .toLowerCase()
    .replace(/[ .]+$/, '')
  return plain === '.git' || plain.startsWith('.git:') || /^git~[0-9]+$/.test(plain)
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
