// A Rollout and the templates there are in, the checks that run out; or the sentence that says why none can.
import { type ReadCheck, type Resolved, resolveChecks } from '../../analysis/query/template.ts'
import type { AnalysisTemplateSpec } from '../../crds/analysis-template.ts'
import {
  parseAnalysisTemplate,
  parseCheck,
  parseClusterAnalysisTemplate,
  type Result,
} from '../../crds/parse.ts'
import { describeProblem, type Problem, pathText } from '../../crds/problem.ts'
import type { Rollout } from '../../crds/rollout.ts'
import type { KubeObject } from '../../kube/api.ts'
import type { World } from './world.ts'

type Templates = Pick<World, 'templates' | 'clusterTemplates'>

/** Checks of a Rollout with its template; a problem when the template is missing or does not fit. */
export function checksOf(world: Templates, namespace: string, rollout: Rollout): Resolved {
  const { analysis } = rollout.spec
  if (!analysis) return { kind: 'checks', checks: [] }
  const reference = analysis.templateRef
  if (!reference) return resolveChecks(analysis, null, readCheck)
  const { kind, name } = reference
  const isCluster = kind === 'ClusterAnalysisTemplate'
  if (isCluster && world.clusterTemplates === null) {
    const because = `${kind} ${name} can not be read by a controller that looks after one namespace`
    return { kind: 'problem', because }
  }
  const object = isCluster
    ? world.clusterTemplates?.get(undefined, name)
    : world.templates.get(namespace, name)
  if (!object) return resolveChecks(analysis, null, readCheck)
  const template = parsed(object, isCluster)
  if (template.ok) return resolveChecks(analysis, template.value.spec, readCheck)
  return { kind: 'problem', because: `${kind} ${name}: ${firstOf(template.problems)}` }
}

const readCheck: ReadCheck = (check) => {
  const result = parseCheck(check)
  return result.ok ? { check: result.value } : { because: firstOf(result.problems) }
}

function firstOf([first]: readonly Problem[]): string {
  return first ? `${pathText(first.path)}: ${describeProblem(first)}` : 'is not readable'
}

type Parsed = Result<{ readonly spec: AnalysisTemplateSpec }>

// Objects of the stores are frozen, and thousands of rollouts may share a template: each is parsed once.
const known = new WeakMap<KubeObject, Parsed>()

function parsed(object: KubeObject, isCluster: boolean): Parsed {
  const before = known.get(object)
  if (before) return before
  const result = isCluster ? parseClusterAnalysisTemplate(object) : parseAnalysisTemplate(object)
  if (Object.isFrozen(object)) known.set(object, result)
  return result
}
