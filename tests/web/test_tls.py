"""A certificate and its key are used together, kept to ourselves, or refused with a reason."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from mcpgw.errors import InvalidInput
from mcpgw.web.tls import Certificate
from tests.certificate import Pair, make_pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def refusal(certificate: Path, key: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        Certificate(str(certificate), str(key))
    return f"{caught.value.message} {caught.value.hint}"


def test_no_older_version_than_1_2(pair: Pair) -> None:
    context = Certificate(str(pair.certificate), str(pair.key)).context
    assert context.minimum_version.name == "TLSv1_2"


def test_what_cannot_be_used(pair: Pair, tmp_path: Path) -> None:
    other = make_pair(tmp_path, "other")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    missing = tmp_path / "missing.pem"
    assert "missing.pem cannot be read: No such file" in refusal(missing, pair.key)
    assert "missing.pem cannot be read: No such file" in refusal(pair.certificate, missing)
    assert "cannot be read: Is a directory" in refusal(tmp_path, pair.key)
    assert "key values mismatch" in refusal(pair.certificate, other.key)
    assert "no pem" in refusal(junk, pair.key)
    assert "private key" in refusal(pair.key, pair.key)


def test_a_key_that_others_can_read(pair: Pair) -> None:
    pair.key.chmod(0o644)
    assert "mode 0644 lets others in (chmod 0600)" in refusal(pair.certificate, pair.key)


def test_a_key_that_asks_for_a_passphrase(tmp_path: Path) -> None:
    pair = make_pair(tmp_path, encryption=BestAvailableEncryption(b"passphrase"))
    assert "has a passphrase" in refusal(pair.certificate, pair.key)


def test_a_renewed_pair_is_taken_up_and_a_broken_one_is_not(pair: Pair, tmp_path: Path) -> None:
    certificate = Certificate(str(pair.certificate), str(pair.key))
    first = certificate.context
    renewed = make_pair(tmp_path, "renewed")
    renewed.certificate.replace(pair.certificate)
    with pytest.raises(InvalidInput):
        certificate.reload()
    assert certificate.context is first
    renewed.key.replace(pair.key)
    certificate.reload()
    assert certificate.context is not first
