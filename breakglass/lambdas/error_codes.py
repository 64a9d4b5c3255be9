"""What the error codes of AWS and Slack mean for whoever met one.

Non-goals: retrying (see `adapters.aws`, `adapters.slack_api`, and the workflow's definition).
"""


def describe(error: Exception) -> dict[str, str]:
    """Return what the log says of an error: its type, and its code if AWS or Slack gave one; never its message."""
    code = getattr(error, "code", "") or getattr(error, "error", "")
    return {"error": type(error).__name__, **({"code": code} if isinstance(code, str) and code else {})}
