"""AWS Signature Version 4, in the Authorization header.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Non-goals: query strings; Amazon S3, which signs paths differently.
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
    """An access key; its `repr` shows no secret.

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
    """The credential scope of a signature.

    Attributes:
        region: region of the service.
        service: signing name of the service.
    """

    region: str
    service: str


def sign_request(
    credentials: Credentials, scope: Scope, method: str, path: str, headers: Mapping[str, str], body: bytes, at: float
) -> dict[str, str]:
    """Return the headers of a request, signed.

    Args:
        credentials: the caller's credentials.
        scope: region and service.
        method: HTTP method.
        path: the percent-encoded path.
        headers: the headers to sign, with `Host`.
        body: the body.
        at: the time in seconds since 1970; the signature is valid for five minutes.
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
