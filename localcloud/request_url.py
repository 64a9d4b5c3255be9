"""The request URL of the app that is deployed to a local cloud, read from API Gateway."""

from localcloud.cloud import RunningCloud
from localcloud.emulators.loopback import request_json

_POST = "POST "


def find_request_url(cloud: RunningCloud) -> str | None:
    """The request URL; None if no app is deployed.

    Each call asks again, since a stack may be deployed at any moment.

    Args:
        cloud: at most one of its HTTP APIs has a route.
    """
    apis = f"{cloud.aws_url}/v2/apis"
    for api in request_json("GET", apis)["items"]:
        for route in request_json("GET", f"{apis}/{api['apiId']}/routes")["items"]:
            if route["routeKey"].startswith(_POST):
                return f"{api['apiEndpoint']}{route['routeKey'].removeprefix(_POST)}"
    return None
