// Every router against the same contract.
import { routerContract } from './router.ts'
import { routerCases } from './router-cases.ts'

for (const subject of routerCases) routerContract(subject)
