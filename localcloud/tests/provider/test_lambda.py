"""The hash of a function's code, before any AWS call."""

import base64
import hashlib
from pathlib import Path

import pytest

from localcloud.provider.lambda_ import Function
from localcloud.provider.values import UNKNOWN, FileArchive


def test_the_code_is_its_path_and_the_hash_that_aws_tells(tmp_path: Path) -> None:
    package = tmp_path / "app.zip"
    package.write_bytes(b"content")
    completed = Function().complete({"code": FileArchive(str(package)), "codeSha256": "an earlier one"})
    sha256 = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    assert completed == {"code": str(package), "codeSha256": sha256}


def test_code_that_is_only_known_later_has_an_unknown_hash() -> None:
    assert Function().complete({"code": UNKNOWN})["codeSha256"] == UNKNOWN


@pytest.mark.parametrize("code", ["app.zip", FileArchive("app"), {"path": "app.zip"}])
def test_code_that_is_no_zip_file_is_refused(code: object) -> None:
    with pytest.raises(ValueError, match=r"`code` must be a FileArchive of a \.zip file"):
        Function().complete({"code": code})
