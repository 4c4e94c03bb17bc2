// Gitea and Forgejo: pull requests and commit statuses by their API version 1. Their lists have no filter for a
// branch, so the newest ones are looked through.
import { z } from 'zod'
import { proposeBy } from './adopt.ts'
import type { Direction, HostModule, PullRequest } from './host.ts'
import { type HostClient, safeUrl } from './http.ts'

const Pull = z
  .object({
    number: z.int(),
    html_url: z.string(),
    state: z.string(),
    merged: z.boolean().nullish(),
    head: z.object({ ref: z.string(), sha: z.string() }),
    base: z.object({ ref: z.string() }),
  })
  .transform(({ number, html_url, state, merged, head, base }) => ({
    branch: head.ref,
    base: base.ref,
    pull: {
      number,
      url: safeUrl(html_url),
      state: merged ? 'merged' : state === 'open' ? 'open' : 'closed',
      commit: head.sha,
    } satisfies PullRequest as PullRequest,
  }))

const pageSize = 50
const maxPages = 4

export const gitea: HostModule = {
  api: (hostName) => `https://${hostName}/api/v1`,
  authorization: (token) => ['Authorization', `token ${token}`],
  open: (client, project) => {
    const pulls = `/repos/${project}/pulls`
    const find = (direction: Direction) => findPull(client, pulls, direction)
    return {
      find,
      propose: (proposal) =>
        proposeBy(
          {
            find,
            open: async ({ title, body, branch, base }) => {
              const opened = await client.request(Pull, {
                method: 'POST',
                path: pulls,
                body: { title, body, head: branch, base },
                purpose: 'open a pull request',
              })
              return opened.pull
            },
            update: async ({ number }, { title, body }) => {
              const updated = await client.request(Pull, {
                method: 'PATCH',
                path: `${pulls}/${number}`,
                body: { title, body },
                purpose: 'update a pull request',
              })
              return updated.pull
            },
            enableAutoMerge: async ({ number }, { commit }) => {
              await client.request(z.unknown(), {
                method: 'POST',
                path: `${pulls}/${number}/merge`,
                body: { Do: 'merge', merge_when_checks_succeed: true, head_commit_id: commit },
                purpose: 'enable auto-merge',
              })
            },
          },
          proposal,
        ),
      report: async ({ commit, state, description, context, url }) => {
        await client.request(z.unknown(), {
          method: 'POST',
          path: `/repos/${project}/statuses/${commit}`,
          body: { state, description: description.slice(0, 255), context, target_url: url },
          purpose: 'report a commit status',
        })
      },
    }
  },
}

/** An open one first; else the one that was touched last. */
async function findPull(
  client: HostClient,
  path: string,
  { branch, base }: Direction,
): Promise<PullRequest | null> {
  for (const state of ['open', 'closed']) {
    for (let page = 1; page <= maxPages; page++) {
      const list = await client.request(z.array(Pull), {
        method: 'GET',
        path,
        query: { state, sort: 'recentupdate', limit: String(pageSize), page: String(page) },
        purpose: 'list pull requests',
      })
      const found = list.find((one) => one.branch === branch && one.base === base)
      if (found) return found.pull
      if (list.length < pageSize) break
    }
  }
  return null
}
