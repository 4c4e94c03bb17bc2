// One suite for every API server that Sluice meets in tests: the lab's, and a real one. What it states is
// what Kubernetes does; where the lab differs, the lab is wrong.
import { after, before, describe, test } from 'node:test'
import { applying } from './api-server/applying.ts'
import { createWorld, type Subject, type World } from './api-server/client.ts'
import { deleting } from './api-server/deleting.ts'
import { events } from './api-server/events.ts'
import { listing } from './api-server/listing.ts'
import { objects } from './api-server/objects.ts'
import { patching } from './api-server/patching.ts'
import { tables } from './api-server/tables.ts'
import { validating } from './api-server/validating.ts'
import { watching } from './api-server/watching.ts'

export type { Subject } from './api-server/client.ts'

/** A sentence, and what makes it true; each runs in a namespace of its own. */
export type Case = readonly [name: string, run: (world: World) => Promise<void>]

const sections: Readonly<Record<string, readonly Case[]>> = {
  objects,
  'server-side apply': applying,
  patches: patching,
  lists: listing,
  watches: watching,
  deletion: deleting,
  events,
  'validation of custom kinds': validating,
  tables,
}

/** Registers the suite. `open` is called once; it serves the definitions of `widgetCrd` and of Sluice. */
export function apiServerContract(name: string, open: () => Promise<Subject>): void {
  describe(`the API server contract, held by ${name}`, () => {
    let subject: Subject
    let count = 0
    before(async () => {
      subject = await open()
    })
    after(() => subject?.close())
    for (const [section, cases] of Object.entries(sections)) {
      describe(section, () => {
        for (const [sentence, run] of cases) {
          test(sentence, async () => {
            count += 1
            const world = await createWorld(subject, `contract-${subject.run}-${count}`)
            try {
              await run(world)
            } finally {
              await world.close()
            }
          })
        }
      })
    }
  })
}
