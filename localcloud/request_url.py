"""Where the app that is deployed to a local cloud takes what people do in Slack.

Non-goals: the stack's outputs, which say the same to whoever has the stack.
"""

from localcloud.cloud import RunningCloud
from localcloud.emulators.loopback import request_json

_POST = "POST "


def find_request_url(cloud: RunningCloud) -> str | None:
    """The request URL; None if no app is deployed.

    It is asked of API Gateway each time: a stack may be deployed anew at any moment.

    Args:
        cloud: in which one HTTP API has a route at most.
    """
    apis = f"{cloud.aws_url}/v2/apis"
    for api in request_json("GET", apis)["items"]:
        for route in request_json("GET", f"{apis}/{api['apiId']}/routes")["items"]:
            if route["routeKey"].startswith(_POST):
                return f"{api['apiEndpoint']}{route['routeKey'].removeprefix(_POST)}"
    return None
