import base64
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.auth import (
    Principal,
    TokenIssuer,
    Tokens,
    jwks,
    key_id,
    make_signing_key,
    read_jwks,
    read_signing_key,
    rotate_signing_key,
    write_jwks,
)
from chassis.errors import Unauthenticated
from chassis.testing import eventually

CUSTOMER = Principal(
    "customer",
    "0600001111",
    frozenset(),
    "0600001111",
    frozenset({"0600001111", "0600002222"}),
    all_numbers=True,
    unit="line",
    session_id="0123456789abcdef",
)
MINUTE = timedelta(minutes=1)


@pytest.fixture(name="key")
def a_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(name="tokens")
def tokens_of(key: Ed25519PrivateKey) -> Tokens:
    return Tokens({key_id(key.public_key()): key.public_key()})


def issued(key: Ed25519PrivateKey, *, age: timedelta = timedelta()) -> str:
    return TokenIssuer(key).issue(CUSTOMER, lifetime=MINUTE, at=datetime.now(UTC) - age)


def test_an_issued_token_names_its_caller(key: Ed25519PrivateKey, tokens: Tokens) -> None:
    assert tokens.verify(f"Bearer {issued(key)}") == CUSTOMER


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer  "])
def test_no_bearer_is_a_missing_token(tokens: Tokens, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="token-missing"):
        tokens.verify(header)


def test_an_expired_token_is_refused(key: Ed25519PrivateKey, tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="token-invalid"):
        tokens.verify(f"Bearer {issued(key, age=timedelta(minutes=2))}")


def test_a_token_that_was_good_is_refused_when_its_time_is_over(key: Ed25519PrivateKey, tokens: Tokens) -> None:
    # A token is taken for ten seconds more than it says.
    nearly_over = f"Bearer {issued(key, age=timedelta(seconds=68))}"
    assert tokens.verify(nearly_over) == CUSTOMER

    eventually(lambda: is_refused(tokens, nearly_over))


def is_refused(tokens: Tokens, header: str) -> bool:
    try:
        tokens.verify(header)
    except Unauthenticated:
        return True
    return False


def test_a_token_of_another_key_is_refused(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="token-invalid"):
        tokens.verify(f"Bearer {issued(Ed25519PrivateKey.generate())}")


def _claims(**changes: object) -> dict[str, object]:
    now = int(datetime.now(UTC).timestamp())
    said: dict[str, object] = {
        "iss": "tsunagu-auth",
        "aud": "tsunagu",
        "sub": "x",
        "iat": now,
        "exp": now + 60,
        "kind": "operator",
        "scopes": ["operator"],
    }
    return said | changes


Forge = Callable[[Ed25519PrivateKey], str]


def _signed(key: Ed25519PrivateKey, claims: dict[str, object]) -> str:
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": key_id(key.public_key())})


def _unsigned(key: Ed25519PrivateKey) -> str:
    return jwt.encode(_claims(), "", algorithm="none", headers={"kid": key_id(key.public_key())})


def _mac_with_public_key(key: Ed25519PrivateKey) -> str:
    secret = key.public_key().public_bytes_raw()
    return jwt.encode(_claims(), secret, algorithm="HS256", headers={"kid": key_id(key.public_key())})


def _changed_claims(key: Ed25519PrivateKey) -> str:
    head, _, signature = _signed(key, _claims()).split(".")
    body = base64.urlsafe_b64encode(json.dumps(_claims(sub="someone-else")).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


FORGERIES: dict[str, Forge] = {
    "unsigned": _unsigned,
    "mac": _mac_with_public_key,
    "changed": _changed_claims,
    "issuer": lambda key: _signed(key, _claims(iss="someone")),
    "audience": lambda key: _signed(key, _claims(aud="others")),
    "kind": lambda key: _signed(key, _claims(kind="god")),
    "scopes": lambda key: _signed(key, _claims(scopes=None)),
    "no expiry": lambda key: _signed(key, {k: v for k, v in _claims().items() if k != "exp"}),
    "no key id": lambda key: jwt.encode(_claims(), key, algorithm="EdDSA"),
    "rubbish": lambda _key: "a.b.c",
    "not ascii": lambda _key: "é",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused(key: Ed25519PrivateKey, tokens: Tokens, forgery: str) -> None:
    with pytest.raises(Unauthenticated, match="token-invalid"):
        tokens.verify(f"Bearer {FORGERIES[forgery](key)}")


def test_true_must_be_true_to_open_all_numbers(key: Ed25519PrivateKey, tokens: Tokens) -> None:
    assert not tokens.verify(f"Bearer {_signed(key, _claims(all_numbers='yes'))}").all_numbers


@pytest.mark.parametrize("said", [True, "no", None, 0])
def test_only_a_plain_no_makes_a_login_unrestricted(key: Ed25519PrivateKey, tokens: Tokens, said: object) -> None:
    assert tokens.verify(f"Bearer {_signed(key, _claims(restricted=said))}").restricted


def test_a_restricted_login_stays_one_in_its_token(key: Ed25519PrivateKey, tokens: Tokens) -> None:
    restricted = replace(CUSTOMER, restricted=True)

    token = TokenIssuer(key).issue(restricted, lifetime=MINUTE, at=datetime.now(UTC))

    assert tokens.verify(f"Bearer {token}") == restricted


def test_a_token_with_every_number_of_the_largest_contract_fits_into_a_header(key: Ed25519PrivateKey) -> None:
    numbers = frozenset(f"0900000{place:04d}" for place in range(1000))

    token = TokenIssuer(key).issue(replace(CUSTOMER, numbers=numbers), lifetime=MINUTE, at=datetime.now(UTC))

    assert len(f"Authorization: Bearer {token}") < 32 * 1024


def test_a_signing_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.pem"
    make_signing_key(path)
    first = path.read_bytes()

    make_signing_key(path)

    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_changed_key_file_is_used_without_a_restart(tmp_path: Path) -> None:
    make_signing_key(tmp_path / "old.pem")
    make_signing_key(tmp_path / "new.pem")
    write_jwks(tmp_path / "jwks.json", tmp_path / "old.pem")
    tokens = Tokens.from_file(tmp_path / "jwks.json")
    new = read_signing_key(tmp_path / "new.pem")

    write_jwks(tmp_path / "jwks.json", tmp_path / "new.pem")

    assert tokens.verify(f"Bearer {issued(new)}") == CUSTOMER


def test_a_token_that_was_good_is_refused_when_its_key_is_gone(files: "Files") -> None:
    issuer, tokens = TokenIssuer.from_file(files.signing), Tokens.from_file(files.public)
    old = _now_issued(issuer)
    assert tokens.verify(old) == CUSTOMER

    rotate_signing_key(files.signing, files.public)
    rotate_signing_key(files.signing, files.public)

    assert is_refused(tokens, old)


def test_a_broken_key_file_leaves_the_known_keys(tmp_path: Path) -> None:
    make_signing_key(tmp_path / "signing.pem")
    path = tmp_path / "jwks.json"
    write_jwks(path, tmp_path / "signing.pem")
    tokens = Tokens.from_file(path)

    path.write_text("{")

    assert tokens.verify(f"Bearer {issued(read_signing_key(tmp_path / 'signing.pem'))}") == CUSTOMER
    os.unlink(path)
    assert tokens.verify(f"Bearer {issued(read_signing_key(tmp_path / 'signing.pem'))}") == CUSTOMER


@dataclass(frozen=True)
class Files:
    signing: Path
    public: Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "signing.pem", tmp_path / "jwks.json")
    make_signing_key(made.signing)
    write_jwks(made.public, made.signing)
    return made


def _now_issued(issuer: TokenIssuer) -> str:
    return f"Bearer {issuer.issue(CUSTOMER, lifetime=MINUTE, at=datetime.now(UTC))}"


def test_after_a_rotation_old_and_new_tokens_are_good_everywhere(files: Files) -> None:
    issuer, tokens = TokenIssuer.from_file(files.signing), Tokens.from_file(files.public)
    old = _now_issued(issuer)

    new_id = rotate_signing_key(files.signing, files.public)

    new = _now_issued(issuer)
    assert jwt.get_unverified_header(new.removeprefix("Bearer "))["kid"] == new_id
    assert tokens.verify(old) == tokens.verify(new) == CUSTOMER


def test_the_rotation_after_ends_the_key_before_the_last(files: Files) -> None:
    first = read_signing_key(files.signing)
    second_id = rotate_signing_key(files.signing, files.public)

    third_id = rotate_signing_key(files.signing, files.public)

    assert set(read_jwks(files.public)) == {second_id, third_id}
    assert key_id(first.public_key()) not in read_jwks(files.public)


def test_a_rotated_key_is_as_private_as_the_first(files: Files) -> None:
    rotate_signing_key(files.signing, files.public)

    assert files.signing.stat().st_mode & 0o777 == 0o600
    assert all("d" not in key for key in json.loads(files.public.read_text())["keys"])


def test_rotations_at_the_same_time_leave_a_key_that_is_published(files: Files) -> None:
    with ThreadPoolExecutor(4) as together:
        list(together.map(lambda _: rotate_signing_key(files.signing, files.public), range(8)))

    assert key_id(read_signing_key(files.signing).public_key()) in read_jwks(files.public)


def test_a_broken_signing_key_leaves_the_known_one(files: Files) -> None:
    issuer, tokens = TokenIssuer.from_file(files.signing), Tokens.from_file(files.public)

    files.signing.write_text("{")

    assert tokens.verify(_now_issued(issuer)) == CUSTOMER


def test_a_private_jwk_is_read_too(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    private = base64.urlsafe_b64encode(key.private_bytes_raw()).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "d": private, "x": jwks(key)["keys"][0]["x"]}
    (tmp_path / "key.json").write_text(json.dumps(jwk))

    assert read_signing_key(tmp_path / "key.json").private_bytes_raw() == key.private_bytes_raw()


def test_published_keys_hold_no_private_part(key: Ed25519PrivateKey) -> None:
    assert "d" not in jwks(key)["keys"][0]
