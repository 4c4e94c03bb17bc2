// GitLab: merge requests and commit statuses by its API version 4. A project is named by its path, encoded.
import { z } from 'zod'
import { proposeBy } from './adopt.ts'
import type { Direction, HostModule, PullRequest } from './host.ts'
import { type HostClient, safeUrl } from './http.ts'

const MergeRequest = z
  .object({
    iid: z.int(),
    web_url: z.string(),
    state: z.string(),
    sha: z.string().nullish(),
  })
  .transform(
    ({ iid, web_url, state, sha }): PullRequest => ({
      number: iid,
      url: safeUrl(web_url),
      // `locked` is a merge that is under way.
      state: state === 'merged' ? 'merged' : state === 'closed' ? 'closed' : 'open',
      commit: sha ?? '',
    }),
  )

export const gitlab: HostModule = {
  api: (hostName) => `https://${hostName}/api/v4`,
  authorization: (token) => ['PRIVATE-TOKEN', token],
  open: (client, project) => {
    const root = `/projects/${encodeURIComponent(project)}`
    const requests = `${root}/merge_requests`
    const find = (direction: Direction) => findRequest(client, requests, direction)
    return {
      find,
      propose: (proposal) =>
        proposeBy(
          {
            find,
            open: ({ title, body, branch, base }) =>
              client.request(MergeRequest, {
                method: 'POST',
                path: requests,
                body: {
                  title,
                  description: body,
                  source_branch: branch,
                  target_branch: base,
                  remove_source_branch: true,
                },
                purpose: 'open a merge request',
              }),
            update: ({ number }, { title, body }) =>
              client.request(MergeRequest, {
                method: 'PUT',
                path: `${requests}/${number}`,
                body: { title, description: body },
                purpose: 'update a merge request',
              }),
            enableAutoMerge: async ({ number }, { commit }) => {
              await client.request(z.unknown(), {
                method: 'PUT',
                path: `${requests}/${number}/merge`,
                // The newer name is `auto_merge`; servers before 17.11 know only the older one.
                body: { sha: commit, auto_merge: true, merge_when_pipeline_succeeds: true },
                purpose: 'enable auto-merge',
              })
            },
          },
          proposal,
        ),
      report: async ({ commit, state, description, context, url }) => {
        await client.request(z.unknown(), {
          method: 'POST',
          path: `${root}/statuses/${commit}`,
          body: {
            state: state === 'failure' ? 'failed' : state,
            description: description.slice(0, 255),
            name: context,
            target_url: url,
          },
          purpose: 'report a commit status',
        })
      },
    }
  },
}

async function findRequest(
  client: HostClient,
  path: string,
  { branch, base }: Direction,
): Promise<PullRequest | null> {
  const found = await client.request(z.array(MergeRequest), {
    method: 'GET',
    path,
    query: {
      source_branch: branch,
      target_branch: base,
      state: 'all',
      order_by: 'created_at',
      sort: 'desc',
      per_page: '10',
    },
    purpose: 'list merge requests',
  })
  return found[0] ?? null
}
