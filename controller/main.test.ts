// The process itself, with starts that can not work: one line that says what to do, and an exit code.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const starts = [
  {
    name: 'without a kubeconfig',
    args: [],
    code: 1,
    says: /^sluice: no kubeconfig was found; .*\n$/,
  },
  {
    name: 'with a file that is not there',
    args: ['--kubeconfig', '/none'],
    code: 1,
    says: /\/none/,
  },
  { name: 'with an unknown flag', args: ['--kubeconf'], code: 2, says: /kubeconf/ },
]

for (const { name, args, code, says } of starts) {
  test(`a start ${name} ends and says why`, async () => {
    const env = { PATH: process.env['PATH'], HOME: '/nonexistent' }
    const [exit, words] = await new Promise<[unknown, string]>((resolve) =>
      execFile(process.execPath, [main, ...args], { env }, (error, _out, stderr) =>
        resolve([error?.code, stderr]),
      ),
    )
    assert.equal(exit, code)
    assert.match(words, says)
  })
}
