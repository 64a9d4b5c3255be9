"""`python -m localcloud.provider ENGINE_ADDRESS`: the provider process the engine starts as `pulumi-resource-aws`."""

import sys

from localcloud.provider.server import main

main(sys.argv[1:])
