"""Addresses in the AWS console, which has one host for each partition."""

_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def console_url(partition: str, page: str) -> str:
    """Return the address of a page: a service's path with its query and fragment."""
    return f"https://{_HOSTS[partition]}/{page}"
