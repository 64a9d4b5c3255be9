"""Addresses in the AWS console, which has one host for each partition.

Non-goals: the regional hosts that the console itself leads on to.
"""

_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def console_url(partition: str, page: str) -> str:
    """Return the address of a page.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        page: the service's path, with its query and fragment.
    """
    return f"https://{_HOSTS[partition]}/{page}"
