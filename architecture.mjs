// The architecture as rules, each with its reason; checked by `npm run check`.
const production = '^(crds|git|analysis|traffic|kube|controller|plugin|lab)/'
const onlyFrom = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^${from}/`, pathNot: '\\.(test|fixture)\\.ts$' },
  to: { path: production, pathNot: `^(${[from, ...allowed].join('|')})` },
})

/** Floors of one folder, from the ground up: each may use what stands below it. */
const floors = (folder, names, comment) =>
  names.slice(0, -1).map((name, floor) => ({
    name: `${folder}-${name}-is-below`,
    comment,
    severity: 'error',
    from: { path: `^${folder}/${name}/`, pathNot: '\\.(test|fixture)\\.ts$' },
    to: { path: `^${folder}/(${names.slice(floor + 1).join('|')})/` },
  }))

export default {
  forbidden: [
    ...floors(
      'git',
      ['yaml', 'repository', 'source', 'revert', 'write'],
      'Reading needs no reverts, a revert is planned without a push.',
    ),
    ...floors(
      'analysis',
      ['metrics', 'query', 'judge', 'ask', 'providers'],
      'Text and judgement are pure; who asks does not know who answers.',
    ),
    onlyFrom('crds-know-nobody', 'crds', [], 'The API is the ground that all else stands on.'),
    onlyFrom('git-knows-crds', 'git', ['crds/'], 'Git knows documents, not clusters.'),
    onlyFrom('analysis-knows-crds', 'analysis', ['crds/'], 'Numbers in, verdict out.'),
    onlyFrom('kube-knows-crds', 'kube', ['crds/'], 'The cluster side knows no Git and no metrics.'),
    onlyFrom(
      'traffic-knows-objects',
      'traffic',
      ['crds/', 'kube/(api|resources)\\.ts'],
      'Routers are codecs: they know the shape of objects and never the cluster.',
    ),
    onlyFrom(
      'core-is-pure',
      'controller/rollout',
      ['crds/', 'analysis/verdict\\.ts'],
      'The core sees the API and the words of a verdict, nothing that could do anything.',
    ),
    {
      name: 'core-has-no-platform',
      comment: 'No I/O, no clock, no randomness, no packages in the core.',
      severity: 'error',
      from: { path: '^controller/rollout/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    onlyFrom(
      'controller-ties-together',
      'controller',
      ['crds/', 'git/', 'analysis/', 'traffic/', 'kube/'],
      'The controller uses the parts; it knows neither the plugin nor the lab.',
    ),
    onlyFrom(
      'plugin-stays-small',
      'plugin',
      [
        'crds/',
        'controller/rollout/',
        'analysis/',
        'git/revert/dry-run\\.ts',
        'git/revert/restore\\.ts',
      ],
      'The plugin starts in milliseconds and shares words, pure decisions and what needs no cluster.',
    ),
    {
      name: 'nobody-imports-lab-or-test',
      comment: 'A stand-in must never reach production.',
      severity: 'error',
      from: {
        path: '^(crds|git|analysis|traffic|kube|controller|plugin)/',
        pathNot: '\\.(test|fixture)\\.ts$',
      },
      to: { path: '^(lab|test)/' },
    },
    {
      name: 'kubernetes-client-for-credentials',
      comment:
        'Generated models drop fields they do not know, so they never meet an object of a user.',
      severity: 'error',
      from: { path: production, pathNot: '^kube/(kube-config|credentials\\.test)\\.ts$' },
      to: { path: 'node_modules/@kubernetes' },
    },
    {
      name: 'git-runs-in-one-place',
      comment:
        'Fixed arguments, limits and a clean environment are the work of git/repository/command.ts.',
      severity: 'error',
      from: {
        path: '^(git|controller|analysis|traffic|kube|crds)/',
        pathNot: '^git/(repository/command|.*\\.(test|fixture))\\.ts$',
      },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'no-cycles',
      comment: 'What two files need of each other belongs into a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^(node_modules|dist|\\.cache)/|\\.test\\.ts$)' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
}
