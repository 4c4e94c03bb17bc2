// GitHub and GitHub Enterprise Server: REST for pull requests and statuses, GraphQL for auto-merge, which REST
// does not offer.
import { z } from 'zod'
import { proposeBy } from './adopt.ts'
import type { Direction, HostCommit, HostModule, PullRequest } from './host.ts'
import { type HostClient, HostError, safeUrl } from './http.ts'

const Pull = z
  .object({
    number: z.int(),
    html_url: z.string(),
    state: z.string(),
    merged_at: z.string().nullish(),
    head: z.object({ sha: z.string(), ref: z.string() }),
    node_id: z.string(),
  })
  .transform(({ number, html_url, state, merged_at, head, node_id }) => ({
    number,
    url: safeUrl(html_url),
    state:
      state === 'open' ? ('open' as const) : merged_at ? ('merged' as const) : ('closed' as const),
    commit: head.sha,
    branch: head.ref,
    node: node_id,
  }))
type Pull = z.output<typeof Pull>

const Mutation = z.object({ errors: z.array(z.unknown()).optional() })

const mutation = `mutation ($id: ID!, $commit: GitObjectID!) {
  enablePullRequestAutoMerge(input: { pullRequestId: $id, expectedHeadOid: $commit }) {
    clientMutationId
  }
}`

const Committed = z.object({
  data: z
    .object({
      createCommitOnBranch: z.object({ commit: z.object({ oid: z.string() }) }).nullish(),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string().optional() })).optional(),
})

const commitMutation = `mutation ($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}`

export const github: HostModule = {
  api: (hostName) =>
    hostName === 'github.com' ? 'https://api.github.com' : `https://${hostName}/api/v3`,
  authorization: (token) => ['Authorization', `Bearer ${token}`],
  open: (client, project) => {
    const pulls = `/repos/${project}/pulls`
    const find = (direction: Direction) => findPull(client, project, direction)
    return {
      find: async (direction) => plain(await find(direction)),
      propose: async (proposal) =>
        strip(
          await proposeBy<Pull>(
            {
              find,
              open: ({ title, body, branch, base }) =>
                client.request(Pull, {
                  method: 'POST',
                  path: pulls,
                  body: { title, body, head: branch, base },
                  purpose: 'open a pull request',
                }),
              update: ({ number }, { title, body }) =>
                client.request(Pull, {
                  method: 'PATCH',
                  path: `${pulls}/${number}`,
                  body: { title, body },
                  purpose: 'update a pull request',
                }),
              enableAutoMerge: ({ node }, { commit }) => enableAutoMerge(client, node, commit),
            },
            proposal,
          ),
        ),
      commit: (commit) => commitOnBranch(client, project, commit),
      report: async ({ commit, state, description, context, url }) => {
        await client.request(z.unknown(), {
          method: 'POST',
          path: `/repos/${project}/statuses/${commit}`,
          body: { state, description: description.slice(0, 140), context, target_url: url },
          purpose: 'report a commit status',
        })
      },
    }
  },
}

async function findPull(
  client: HostClient,
  project: string,
  { branch, base }: Direction,
): Promise<Pull | null> {
  const head = `${project.split('/')[0]}:${branch}`
  const sorted = { sort: 'created', direction: 'desc', per_page: '10' }
  const found = await client.request(z.array(Pull), {
    method: 'GET',
    path: `/repos/${project}/pulls`,
    query: { state: 'all', head, base, ...sorted },
    purpose: 'list pull requests',
  })
  return found.find((pull) => pull.branch === branch) ?? null
}

async function commitOnBranch(
  client: HostClient,
  project: string,
  { branch, expected, message, files }: HostCommit,
): Promise<string> {
  const [headline = '', ...body] = message.split('\n')
  const additions = [...files].map(([path, text]) => ({
    path,
    contents: Buffer.from(text).toString('base64'),
  }))
  const input = {
    branch: { repositoryNameWithOwner: project, branchName: branch },
    expectedHeadOid: expected,
    message: { headline, body: body.join('\n').trim() },
    fileChanges: { additions },
  }
  const answer = await client.request(Committed, {
    method: 'POST',
    path: '/../graphql',
    body: { query: commitMutation, variables: { input } },
    purpose: 'make a commit',
  })
  const oid = answer.data?.createCommitOnBranch?.commit.oid
  if (oid !== undefined && /^[0-9a-f]{40,64}$/.test(oid)) return oid
  const words = printable(answer.errors?.[0]?.message ?? 'it did not say why')
  throw new HostError(`the host made no commit: ${words}`, {
    reason: 'conflict',
    status: 200,
    retryAfterMs: null,
  })
}

const printable = (words: string) =>
  [...words.slice(0, 300)].filter((char) => char >= ' ' && char !== '\x7f').join('')

async function enableAutoMerge(client: HostClient, node: string, commit: string): Promise<void> {
  const { errors = [] } = await client.request(Mutation, {
    method: 'POST',
    // Beside /v3 on an own server, at the root of api.github.com.
    path: '/../graphql',
    body: { query: mutation, variables: { id: node, commit } },
    purpose: 'enable auto-merge',
  })
  if (errors.length === 0) return
  const message = 'the host does not offer auto-merge for this pull request'
  throw new HostError(message, { reason: 'conflict', status: 200, retryAfterMs: null })
}

const strip = ({ number, url, state, commit }: Pull): PullRequest => ({
  number,
  url,
  state,
  commit,
})
const plain = (pull: Pull | null) => (pull === null ? null : strip(pull))
