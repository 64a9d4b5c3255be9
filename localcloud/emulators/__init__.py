"""The emulators of the local cloud: each a process of its own, started and stopped by `localcloud.cloud`.

| module | runs | adds |
|---|---|---|
| `aws` | MiniStack | EventBridge as AWS documents it where the alert path depends on it (`eventbridge`, `delivery`) |
| `identity` | moto | an organisation, an Identity Center instance, groups and users; permissions boundaries |
| `slack` | a front before `emulate` | Slack's refusals (`block_kit`), and a record of every message posted |

Non-goals: emulating what nothing here depends on, and proving anything about AWS or Slack themselves.
"""
