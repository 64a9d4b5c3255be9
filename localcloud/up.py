"""`make local-up`: a local cloud that stays, with stack `local` deployed, for a person to try things on.

Non-goals: surviving a restart of the machine; more than one at a time in one clone.
"""

import shlex
import shutil
import sys

from breakglass.terminal import escape_unprintable
from localcloud import detached
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.engine import EngineError
from localcloud.organization import Hub
from localcloud.stack import BUILD, DESCRIPTION, ROOT, StackDeployment, deploy

ENVIRONMENT_FILE = BUILD / "local.env"
"""Shell assignments that make `pulumi` and `aws` work on the local cloud."""

_WORKDIR = BUILD / "local-stack"


def main() -> int:
    """Starts the cloud, deploys, and says how to use it.

    Returns:
        The exit status.
    """
    try:
        cloud = detached.start(DESCRIPTION, _say)
        try:
            # The state of an earlier local cloud describes resources that went with it.
            shutil.rmtree(_WORKDIR, ignore_errors=True)
            deployment = deploy(cloud, _WORKDIR, _say, organization=True)
            # They would come at 04:00 UTC, and until then no account would count as watched.
            Hub.of_stack(cloud, deployment.engine.outputs()).send_heartbeats()
        except BaseException:
            detached.stop(DESCRIPTION)
            raise
    except (LocalCloudError, EngineError) as error:
        print(escape_unprintable(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the local cloud is stopped.", file=sys.stderr)
        return 130
    variables = {**cloud.environment(), **deployment.engine.environment()}
    ENVIRONMENT_FILE.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    print(_how_to_use(cloud, deployment))
    return 0


def _say(line: str) -> None:
    # Resources are named after groups and users, and the engine repeats what is in the stack file.
    print(escape_unprintable(line))


def _how_to_use(cloud: RunningCloud, deployment: StackDeployment) -> str:
    return f"""
Stack local is deployed: {sum(deployment.up.summary.values())} resources in {deployment.up.duration:.0f} s.

  Slack, as a user      {cloud.page_url}
  Slack, the emulator   {cloud.slack_url}
  AWS                   {cloud.aws_url}
  Identity Center       {cloud.identity_url}
  e-mails and pages     {cloud.aws_url}/_localcloud/notifications
  all of it as JSON     {DESCRIPTION.relative_to(ROOT)}

On the first page, choose a user: read the channels, type /breakglass, fill in forms and click buttons. Open a second
tab to act as a second user. In a shell in this folder:

  . {ENVIRONMENT_FILE.relative_to(ROOT)}
  pulumi preview -s local
  breakglass doctor --stack local
  breakglass coverage --stack local
  breakglass drill --stack local
  python -m localcloud.replay localcloud/records/session-devops-break-glass.json --account 333333333333

Stop it with make local-down."""


if __name__ == "__main__":
    sys.exit(main())
