"""`make local-down`: stops what `make local-up` started.

Non-goals: `pulumi destroy`; what was deployed was in memory and goes with the cloud.
"""

import sys

from breakglass.terminal import escape_unprintable
from localcloud import detached
from localcloud.cloud import LocalCloudError
from localcloud.stack import DESCRIPTION


def main() -> int:
    """Stops the local cloud and says whether one was running.

    Returns:
        The exit status.
    """
    try:
        stopped = detached.stop(DESCRIPTION)
    except LocalCloudError as error:
        print(escape_unprintable(str(error)), file=sys.stderr)
        return 2
    print("The local cloud is stopped." if stopped else "No local cloud was running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
