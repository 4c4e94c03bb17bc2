// The kind and address of a host in; the host as three verbs out. A new kind is a file and a line in the table.
import { gitea } from './gitea.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import type { GitHost, HostKind, HostModule, HostOptions } from './host.ts'
import { openClient } from './http.ts'

/** Forgejo speaks the API of Gitea. */
const hosts: Readonly<Record<HostKind, HostModule>> = { github, gitlab, gitea }

/** Throws a sentence for people when the address can not be used. */
export function openHost(options: HostOptions): GitHost {
  const module = hosts[options.kind]
  const { hostName, project } = placeOf(options)
  const client = openClient({
    base: options.api ?? module.api(hostName),
    tokenFile: options.tokenFile,
    authorization: module.authorization,
    timeoutMs: options.timeoutMs,
  })
  return module.open(client, project)
}

/** Named outright, the project needs no repository URL that tells of it. */
function placeOf({ repository, project, api }: HostOptions) {
  if (project === undefined || api === undefined) {
    const place = splitRepository(repository)
    return { ...place, project: project ?? place.project }
  }
  return { hostName: '', project }
}

/** `https://host/group/name.git` and `ssh://git@host:22/group/name` as host name and `group/name`. */
export function splitRepository(url: string): { hostName: string; project: string } {
  const parsed = URL.canParse(url) ? new URL(url) : null
  const project = parsed?.pathname.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '') ?? ''
  const parts = project.split('/')
  const isPlain = parts.length >= 2 && parts.every((part) => /^[\w.~-]+$/.test(part))
  if (parsed === null || parsed.hostname === '' || !isPlain) {
    throw new Error('the repository URL names no project of a host, such as https://host/team/name')
  }
  return { hostName: parsed.hostname, project }
}
