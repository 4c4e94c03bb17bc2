// What GitHub, GitLab and Gitea call a pull request, and where: the paths, fields and codes of their documentation.
import { createHash } from 'node:crypto'
import { addPull, type Dialect, type Store, type StoredPull, text } from './server.ts'

const numberIn = (path: string) => Number(/\/(\d+)(\/merge)?$/.exec(path)?.[1])

function pullAt(store: Store, path: string): StoredPull | undefined {
  return store.pulls.find(({ number }) => number === numberIn(path))
}

const github: Dialect = {
  base: '/api/v3',
  isAuthorized: (headers, token) => headers.authorization === `Bearer ${token}`,
  answer(store, { method, path, query, body }) {
    const root = `/repos/${store.project}`
    const owner = store.project.split('/')[0]
    const shown = (pull: StoredPull) => ({
      number: pull.number,
      node_id: `PR_${pull.number}`,
      html_url: `https://github.example.com/${store.project}/pull/${pull.number}`,
      state: pull.state === 'open' ? 'open' : 'closed',
      merged_at: pull.state === 'merged' ? '2026-01-01T00:00:00Z' : null,
      head: { ref: pull.branch, sha: pull.commit },
      base: { ref: pull.base },
    })
    if (method === 'GET' && path === `${root}/pulls`) {
      const found = store.pulls.filter(
        ({ branch, base, state }) =>
          `${owner}:${branch}` === query.get('head') &&
          base === query.get('base') &&
          (query.get('state') === 'all' || state === 'open'),
      )
      return { status: 200, json: found.reverse().map(shown) }
    }
    if (method === 'POST' && path === `${root}/pulls`) {
      const { title, body: words, head, base } = body
      const pull = addPull(store, {
        title: text(title),
        body: text(words),
        branch: text(head),
        base: text(base),
      })
      return pull
        ? { status: 201, json: shown(pull) }
        : { status: 422, json: { message: 'Validation Failed' } }
    }
    const pull = pullAt(store, path)
    if (method === 'PATCH' && pull) {
      Object.assign(pull, { title: text(body['title']), body: text(body['body']) })
      return { status: 200, json: shown(pull) }
    }
    if (method === 'POST' && path === '/../api/graphql' && 'input' in Object(body['variables'])) {
      return commitByMutation(store, (body['variables'] as { input: CommitInput }).input)
    }
    if (method === 'POST' && path === '/../api/graphql') {
      const { id, commit } = body['variables'] as { id: string; commit: string }
      const wanted = store.pulls.find(({ number }) => `PR_${number}` === id)
      if (!wanted || !store.allowsAutoMerge) {
        return { status: 200, json: { data: null, errors: [{ type: 'UNPROCESSABLE' }] } }
      }
      wanted.autoMerge = commit
      return { status: 200, json: { data: {} } }
    }
    if (method === 'POST' && path.startsWith(`${root}/statuses/`)) {
      if (text(body['description']).length > 140) return { status: 422, json: {} }
      store.statuses.push(statusOf(path, body, 'context'))
      return { status: 201, json: {} }
    }
    return null
  },
}

interface CommitInput {
  readonly branch: { readonly repositoryNameWithOwner: string; readonly branchName: string }
  readonly expectedHeadOid: string
  readonly message: { readonly headline: string; readonly body: string }
  readonly fileChanges: { readonly additions: readonly { path: string; contents: string }[] }
}

/** The branch gets another head, which stands for the commit; what it says is kept beside it. */
function commitByMutation(store: Store, { branch, expectedHeadOid, ...rest }: CommitInput) {
  const { branchName, repositoryNameWithOwner } = branch
  if (repositoryNameWithOwner !== store.project || rest.message.headline.includes('\n')) {
    return { status: 200, json: { data: null, errors: [{ type: 'NOT_FOUND', message: 'no' }] } }
  }
  if (store.branches.get(branchName) !== expectedHeadOid) {
    const message = `Expected branch to point to "${store.branches.get(branchName)}" but it did not.`
    return { status: 200, json: { data: null, errors: [{ type: 'STALE_DATA', message }] } }
  }
  const oid = createHash('sha1').update(JSON.stringify(rest)).digest('hex')
  store.branches.set(branchName, oid)
  const commit = { commit: { oid } }
  return { status: 200, json: { data: { createCommitOnBranch: commit } } }
}

const gitlab: Dialect = {
  base: '/api/v4',
  isAuthorized: (headers, token) => headers['private-token'] === token,
  answer(store, { method, path, query, body }) {
    const root = `/projects/${encodeURIComponent(store.project)}`
    const shown = (pull: StoredPull) => ({
      id: 1_000 + pull.number,
      iid: pull.number,
      web_url: `https://gitlab.example.com/${store.project}/-/merge_requests/${pull.number}`,
      state: pull.state === 'open' ? 'opened' : pull.state,
      sha: pull.commit,
      source_branch: pull.branch,
      target_branch: pull.base,
    })
    if (method === 'GET' && path === `${root}/merge_requests`) {
      const found = store.pulls.filter(
        ({ branch, base }) =>
          branch === query.get('source_branch') && base === query.get('target_branch'),
      )
      return { status: 200, json: found.reverse().map(shown) }
    }
    if (method === 'POST' && path === `${root}/merge_requests`) {
      const pull = addPull(store, {
        title: text(body['title']),
        body: text(body['description']),
        branch: text(body['source_branch']),
        base: text(body['target_branch']),
      })
      return pull ? { status: 201, json: shown(pull) } : { status: 409, json: { message: ['no'] } }
    }
    const pull = pullAt(store, path)
    if (method === 'PUT' && pull && path.endsWith('/merge')) {
      if (!store.allowsAutoMerge) return { status: 405, json: {} }
      if (body['sha'] !== pull.commit) return { status: 409, json: {} }
      pull.autoMerge = text(body['sha'])
      return { status: 200, json: shown(pull) }
    }
    if (method === 'PUT' && pull) {
      Object.assign(pull, { title: text(body['title']), body: text(body['description']) })
      return { status: 200, json: shown(pull) }
    }
    if (method === 'POST' && path.startsWith(`${root}/statuses/`)) {
      store.statuses.push(statusOf(path, body, 'name'))
      return { status: 201, json: {} }
    }
    return null
  },
}

const gitea: Dialect = {
  base: '/api/v1',
  isAuthorized: (headers, token) => headers.authorization === `token ${token}`,
  answer(store, { method, path, query, body }) {
    const root = `/repos/${store.project}`
    const shown = (pull: StoredPull) => ({
      id: 1_000 + pull.number,
      number: pull.number,
      html_url: `https://gitea.example.com/${store.project}/pulls/${pull.number}`,
      state: pull.state === 'open' ? 'open' : 'closed',
      merged: pull.state === 'merged',
      head: { ref: pull.branch, sha: pull.commit },
      base: { ref: pull.base },
    })
    if (method === 'GET' && path === `${root}/pulls`) {
      const limit = Number(query.get('limit'))
      const from = (Number(query.get('page')) - 1) * limit
      const found = store.pulls
        .filter(({ state }) => (state === 'open') === (query.get('state') === 'open'))
        .reverse()
      return { status: 200, json: found.slice(from, from + limit).map(shown) }
    }
    if (method === 'POST' && path === `${root}/pulls`) {
      const pull = addPull(store, {
        title: text(body['title']),
        body: text(body['body']),
        branch: text(body['head']),
        base: text(body['base']),
      })
      return pull ? { status: 201, json: shown(pull) } : { status: 409, json: {} }
    }
    const pull = pullAt(store, path)
    if (method === 'POST' && pull && path.endsWith('/merge')) {
      if (!store.allowsAutoMerge) return { status: 405, json: {} }
      if (body['head_commit_id'] !== pull.commit) return { status: 409, json: {} }
      pull.autoMerge = text(body['head_commit_id'])
      return { status: 200, json: null }
    }
    if (method === 'PATCH' && pull) {
      Object.assign(pull, { title: text(body['title']), body: text(body['body']) })
      return { status: 201, json: shown(pull) }
    }
    if (method === 'POST' && path.startsWith(`${root}/statuses/`)) {
      store.statuses.push(statusOf(path, body, 'context'))
      return { status: 201, json: {} }
    }
    return null
  },
}

function statusOf(path: string, body: Readonly<Record<string, unknown>>, name: string) {
  return {
    commit: path.split('/').at(-1) ?? '',
    state: text(body['state']),
    description: text(body['description']),
    context: text(body[name]),
  }
}

export const dialects = { github, gitlab, gitea }
