"""Break-glass access for AWS as Pulumi components: emergency permission sets, an alert for every use, and approvals.

The public surface is `__all__` in `__init__.pyi`; a change of it is a change of the version (see CHANGELOG.md). A name
is imported when it is asked for: Pulumi's SDKs take seconds, and the commands of the package need none of them.

Non-goals: nothing here runs in AWS but `breakglass.app`. The alert path has no code of its own there, only
EventBridge.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
