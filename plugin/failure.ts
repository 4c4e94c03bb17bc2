// What went wrong, for people: a sentence and an exit code. Nothing else may end a command early.

/** The command could not be done, or was refused. Exit code 1. */
export class Failure extends Error {
  readonly exitCode: number = 1
}

/** The command line itself is wrong. Exit code 2. */
export class UsageError extends Failure {
  override readonly exitCode = 2
}

/** The API server answered, and the answer is a refusal. */
export class ApiRefusal extends Failure {
  readonly code: number
  readonly reason: string

  constructor(message: string, answer: { readonly code: number; readonly reason: string }) {
    super(message)
    this.code = answer.code
    this.reason = answer.reason
  }
}
