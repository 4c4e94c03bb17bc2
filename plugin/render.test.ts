import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Column, printable, renderTable, renderTree } from './render.ts'

const column = (title: string, dispensable: number, ...cells: string[]): Column => ({
  title,
  dispensable,
  cells: cells.map((text) => ({ text })),
})
const columns = [
  column('NAME', 0, 'checkout', 'search'),
  column('PHASE', 0, 'Progressing', 'Stable'),
  column('STEP', 1, '2/4', '-'),
  column('WEIGHT', 2, '25%', '-'),
  column('CANARY', 3, '77ab01cdef', '-'),
  column('STABLE', 4, '5d8f22aa01', '0123456789'),
  column('AGE', 5, '3d4h', '12s'),
  column(
    'BECAUSE',
    0,
    'step 2 of 4, 25 % of traffic: 99.9 % of 1,200 requests did not fail',
    'revision 0123456789 is promoted: checks passed',
  ),
]

const tables: readonly [number | null, string][] = [
  [
    60,
    `
NAME      PHASE        STEP  WEIGHT  BECAUSE
checkout  Progressing  2/4   25%     step 2 of 4, 25 % of t…
search    Stable       -     -       revision 0123456789 is…
`,
  ],
  [
    100,
    `
NAME      PHASE        STEP  WEIGHT  CANARY      STABLE      AGE   BECAUSE
checkout  Progressing  2/4   25%     77ab01cdef  5d8f22aa01  3d4h  step 2 of 4, 25 % of traffic: 99…
search    Stable       -     -       -           0123456789  12s   revision 0123456789 is promoted:…
`,
  ],
  [
    30,
    `
NAME      PHASE        BECAUSE
checkout  Progressing  step 2…
search    Stable       revisi…
`,
  ],
]
for (const [width, expected] of tables) {
  test(`a table of ${width} columns keeps what matters most`, () => {
    assert.equal(`\n${renderTable(columns, { width, hasColour: false })}`, expected)
  })
}

test('a table that is no terminal is not cut', () => {
  const [, first = ''] = renderTable(columns, { width: null, hasColour: false }).split('\n')
  assert.match(first, /1,200 requests did not fail$/)
})

test('colours change no column', () => {
  const cells = [{ text: 'Stable', tone: 'good' as const }]
  const table = [{ title: 'PHASE', dispensable: 0, cells }, column('BECAUSE', 0, 'of this')]
  const coloured = renderTable(table, { width: null, hasColour: true })
  assert.equal(coloured, 'PHASE   BECAUSE\n\x1b[32mStable\x1b[0m  of this\n')
})

test('a tree wraps its sentences below their beginning', () => {
  const tree = {
    label: 'shop/checkout',
    branches: [
      { label: 'because', text: 'step 2 of 4, 25 % of traffic: 99.9 % did not fail' },
      { label: 'steps', branches: [{ label: '1', mark: { text: '✓' }, text: ' 25 %  hold 2m' }] },
      { label: 'revert', text: 'Committed' },
    ],
  }
  assert.equal(
    `\n${renderTree(tree, { width: 40, hasColour: false })}`,
    `
shop/checkout
├─ because  step 2 of 4, 25 % of
│           traffic: 99.9 % did not fail
├─ steps
│  └─ ✓ 1   25 %  hold 2m
└─ revert   Committed
`,
  )
})

test('text of others can not move the cursor', () => {
  assert.equal(printable('a\x1b[2J\nb\u202e\u0000c'), 'a[2J bc')
})

test('a table of wide and of combining characters stays aligned, and is cut where the terminal ends', () => {
  const names = column('NAME', 0, '結帳', 'cafe\u0301', 'shop')
  const why = column(
    'BECAUSE',
    0,
    '成功率は九十九パーセント以上です',
    '🚀 🚀 🚀 🚀 🚀 🚀 🚀 🚀 🚀',
    'ok',
  )
  assert.equal(
    renderTable([names, why], { width: 26, hasColour: false }),
    `NAME  BECAUSE
結帳  成功率は九十九パー…
cafe\u0301  🚀 🚀 🚀 🚀 🚀 🚀…
shop  ok
`,
  )
})

test('a word that is longer than a line goes on below', () => {
  const branches = [{ label: 'commit', text: `all of ${'0123456789'.repeat(4)} is applied` }]
  assert.equal(
    renderTree({ label: 'shop', branches }, { width: 40, hasColour: false }),
    `shop
└─ commit  all of
           01234567890123456789012345678
           90123456789 is applied
`,
  )
})
