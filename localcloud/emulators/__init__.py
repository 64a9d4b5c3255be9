"""The emulators of the local cloud: each a process of its own, started and stopped by `localcloud.cloud`.

| module | runs | adds |
|---|---|---|
| `aws` | MiniStack | documented behaviour of AWS that the product depends on, and the mails and pages that it causes |
| `identity` | moto | an organization, an Identity Center instance, groups and users; slow assignments; StackSets |
| `slack` | a proxy before `emulate` | Slack's refusals (`block_kit`), a record of every post, the views of each user |

Accounts and regions are apart, as at AWS: MiniStack takes an access key of twelve digits for the account. Buses forward
events between them (`event_buses`), and StackSets deploy to them (`stack_sets`).

Each fails on request, so that tests can show the effect (`faults`, `functions`, `assignments`, `slack_faults`). Waits
are shortened; `clock` says what AWS's clock would say.

Non-goals: emulating what nothing here depends on, and proving anything about AWS or Slack themselves.
"""
