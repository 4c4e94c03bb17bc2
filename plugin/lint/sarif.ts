// Findings in, a SARIF 2.1.0 log out, as code hosts show it beside the lines of a change. Pure.
import type { Finding } from './lint.ts'

const meanings: Readonly<Record<Finding['rule'], string>> = {
  yaml: 'The file is not YAML.',
  schema: 'The object is not what its kind must be.',
  reference: 'An object refers to another one in a way that does not fit.',
  duplicate: 'Two objects have the same identity.',
  promql: 'A query is no PromQL, or does not tell the canary from stable.',
}

export function sarif(findings: readonly Finding[], version: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'kubectl-sluice',
            version,
            rules: Object.entries(meanings).map(([id, text]) => ({
              id,
              shortDescription: { text },
            })),
          },
        },
        results: findings.map(({ file, line, column, rule, message, remedy, isWarning }) => ({
          ruleId: rule,
          level: isWarning ? 'warning' : 'error',
          message: { text: remedy === undefined ? message : `${message}: ${remedy}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file.replaceAll('\\', '/') },
                region: { startLine: line, startColumn: column },
              },
            },
          ],
        })),
      },
    ],
  }
}
