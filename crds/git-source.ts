// A GitSource: where Rollouts are read from and where the last good release is restored.
import { z } from 'zod'
import { CommitId, Conditions, ObjectName, Sentence, Timestamp } from './fields.ts'

const Glob = z.string().min(1).max(256)

const SecretRef = z
  .strictObject({ name: ObjectName.meta({ description: 'Name of the Secret.' }) })
  .meta({ description: 'A Secret in the namespace of the GitSource.' })

const Host = z
  .strictObject({
    kind: z.enum(['github', 'gitlab', 'gitea']).meta({
      description: 'Whose API it speaks. Forgejo speaks that of Gitea.',
    }),
    api: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s@?#]+$/, 'must be an https or http URL without credentials')
      .optional()
      .meta({
        description: 'Address of the API. Default: the usual one at the host of the repository.',
      }),
    project: z
      .string()
      .max(1024)
      .regex(/^[A-Za-z0-9_.~-]+(\/[A-Za-z0-9_.~-]+)+$/, 'must be a project such as team/name')
      .optional()
      .meta({ description: 'Project at the host. Default: the path of the repository.' }),
    commits: z.boolean().default(false).meta({
      description:
        'Let the host make our commits on the branch, and sign them in the name of the token. Of GitHub only; others are pushed to.',
    }),
    autoMerge: z.boolean().default(true).meta({
      description: 'Ask the host to merge a pull request as soon as its rules are met.',
    }),
  })
  .meta({
    description: 'The host of the repository, for pull requests and statuses of commits.',
  })

const Webhook = z
  .strictObject({
    kind: z.enum(['github', 'gitlab', 'gitea', 'bitbucket']).meta({
      description: 'Who signs. Forgejo signs as Gitea does.',
    }),
    secretRef: SecretRef.meta({
      description:
        'Secret with the key "webhook-secret": what the host signs with, or the token it sends.',
    }),
  })
  .meta({ description: 'Signed messages of the host that say: look now.' })

const Signatures = z
  .strictObject({
    require: z.enum(['head', 'range']).meta({
      description:
        'head: the newest commit must be signed. range: every commit since the last accepted one that touches a file which is read.',
    }),
    secretRef: SecretRef.meta({
      description:
        'Secret with "allowed_signers" for SSH signatures, "keys.asc" for OpenPGP ones, or both.',
    }),
  })
  .meta({ description: 'Which commits must be signed, and by whom, before they may roll out.' })

export const GitSourceSpec = z
  .strictObject({
    repository: z
      .string()
      .min(1)
      .max(2048)
      .regex(/^(https|ssh|file):\/\/[^\s]+$/, 'must be an https, ssh or file URL')
      .refine((url) => !/^(https:\/\/[^/]*@|[a-z]+:\/\/[^/@:]*:[^/@]*@)/.test(url), {
        message: 'must not carry credentials: the URL is shown in logs and status',
      })
      .meta({
        description: 'URL of the repository: https://, ssh:// or file://, without credentials.',
        cel: [
          {
            rule: "!self.matches('^(https://[^/]*@|[a-z]+://[^/@:]*:[^/@]*@)')",
            message: 'must not carry credentials: the URL is shown in logs and status',
          },
        ],
      }),
    branch: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[A-Za-z0-9_][A-Za-z0-9._/-]*$/, 'must be a branch name')
      .default('main')
      .meta({ description: 'Branch that is read, and on which a release is restored.' }),
    include: z.array(Glob).max(64).default(['**/*.yaml', '**/*.yml']).meta({
      'x-kubernetes-list-type': 'atomic',
      description: 'Globs of the files to read.',
    }),
    exclude: z.array(Glob).max(64).default([]).meta({
      'x-kubernetes-list-type': 'atomic',
      description: 'Globs of files to leave out, even when they are included.',
    }),
    credentials: z
      .strictObject({
        secretRef: SecretRef.meta({
          description:
            'Secret with "token", or "username" and "password", or "ssh-privatekey" and "known_hosts"; "ca.crt" for an https host of your own; with "ssh-signingkey" or "openpgp-signingkey", commits are signed by it.',
        }),
      })
      .optional()
      .meta({ description: 'How to reach the repository, and its host, as Sluice.' }),
    host: Host.optional(),
    webhook: Webhook.optional(),
    signatures: Signatures.optional(),
    apply: z.boolean().default(true).meta({
      description:
        'Apply what is read. false: Argo CD or Flux delivers it, and releases are only restored here.',
    }),
    schedule: z.string().min(9).max(128).default('* * * * *').meta({
      description:
        'When to look for new commits: a cron line of five fields, or six with seconds first.',
    }),
    timeZone: z.string().max(64).default('UTC').meta({ description: 'Time zone of the schedule.' }),
    author: z
      .strictObject({
        name: z.string().min(1).max(128).default('Sluice').meta({
          description: 'Name of the author.',
        }),
        email: z.string().min(3).max(254).default('sluice@sluice.dev').meta({
          description: 'E-mail address of the author.',
        }),
      })
      .prefault({})
      .meta({ description: 'Author of the commits that restore a release.' }),
  })
  .meta({ description: 'Which repository to follow, and when to look.' })
export type GitSourceSpec = z.infer<typeof GitSourceSpec>

/** An error with its place; the remedy says what to change. */
export const SourceError = z.object({
  path: z.string().max(1024).meta({ description: 'File in the repository.' }),
  line: z.int().min(0).meta({ description: 'Line, from 1; 0 when it is not known.' }),
  column: z.int().min(0).meta({ description: 'Column, from 1; 0 when it is not known.' }),
  message: Sentence.meta({ description: 'What is wrong and what to change.' }),
})
export type SourceError = z.infer<typeof SourceError>

export const GitSourceStatus = z
  .object({
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Generation of the spec that was read last.' }),
    commit: CommitId.optional().meta({ description: 'Commit that was read last.' }),
    readAt: Timestamp.optional().meta({ description: 'When that commit was read.' }),
    rollouts: z.int().min(0).optional().meta({ description: 'Rollouts found at that commit.' }),
    errors: z.array(SourceError).max(32).optional().meta({
      'x-kubernetes-list-type': 'atomic',
      description: 'The first errors found at that commit, with their places.',
    }),
    conditions: Conditions.optional(),
  })
  .meta({ description: 'Written by Sluice.' })
export type GitSourceStatus = z.infer<typeof GitSourceStatus>

export const GitSource = z
  .looseObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('GitSource'),
    metadata: z.looseObject({ name: ObjectName, namespace: ObjectName.optional() }),
    spec: GitSourceSpec,
    status: GitSourceStatus.optional(),
  })
  .meta({ description: 'A branch whose Rollouts are applied, and restored after an abort.' })
export type GitSource = z.infer<typeof GitSource>
