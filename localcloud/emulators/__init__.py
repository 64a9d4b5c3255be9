"""The emulators of the local cloud: each a process of its own, started and stopped by `localcloud.cloud`.

| module | runs | adds |
|---|---|---|
| `aws` | MiniStack | what AWS documents of EventBridge, Lambda and Step Functions and the product depends on |
| `identity` | moto | an organisation, an Identity Center instance, groups and users; assignments that take their time |
| `slack` | a front before `emulate` | Slack's refusals (`block_kit`), a record of every post, what a person sees |

Each fails by order, so that tests can show what becomes of it (`faults`, `functions`, `assignments`, `slack_faults`).

Non-goals: emulating what nothing here depends on, and proving anything about AWS or Slack themselves.
"""
