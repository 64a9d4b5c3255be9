"""AWS Signature Version 4, in the Authorization header.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Non-goals: query strings, which no operation that is called here has; Amazon S3, which signs paths otherwise.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """An access key; its secret parts never show.

    Attributes:
        access_key: access key id.
        secret_key: secret access key.
        token: session token of temporary credentials.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Scope:
    """What a signature is good for.

    Attributes:
        region: of the service.
        service: the name that it signs with.
    """

    region: str
    service: str


def signed(
    credentials: Credentials, scope: Scope, method: str, path: str, headers: Mapping[str, str], body: bytes, at: float
) -> dict[str, str]:
    """Return the headers with those that make the request one of the owner of the credentials.

    Args:
        credentials: whose request it is.
        scope: where it goes.
        method: of HTTP.
        path: as it is sent, percent-encoded.
        headers: every header to be signed, `Host` among them.
        body: as it is sent.
        at: the time, in seconds since 1970; the signature is good for five minutes.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    whole = {**headers, "X-Amz-Date": stamp}
    if credentials.token is not None:
        whole["X-Amz-Security-Token"] = credentials.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in whole.items()}
    names = ";".join(sorted(canonical))
    request = "\n".join(
        (
            method,
            # A path is encoded once more for all services but Amazon S3.
            quote(path, safe="/~"),
            "",
            *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    limits = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, stamp, limits, hashlib.sha256(request.encode()).hexdigest()))
    signature = hmac.new(_key(credentials, limits), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{credentials.access_key}/{limits}"
    whole["Authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return whole


def _key(credentials: Credentials, limits: str) -> bytes:
    key = f"AWS4{credentials.secret_key}".encode()
    for part in limits.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
