"""Who is calling: short-lived signed tokens, made by the auth service and checked by every service.

A service trusts a signature, never a header alone, so a service reached without the gateway still knows nobody.
The keys come from a JWKS file that is read again when it changes, so keys rotate without a restart.
"""

import base64
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import OKPAlgorithm

from chassis.errors import Unauthenticated

ISSUER = "tsunagu-auth"
AUDIENCE = "tsunagu"
# Clocks of two machines differ a little; a session's token lives a minute, so this stays small.
_LEEWAY = timedelta(seconds=10)
TOKENS_KNOWN = 1_000

Kind = Literal["customer", "operator", "machine"]


@dataclass(frozen=True)
class Principal:
    """Who calls. `numbers` are the phone numbers a customer may see; `all_numbers` opens contract-wide options.

    `unit` is for whom a customer's login stands, `session_id` the login itself; one that is `restricted` may only
    change its password. `id` is the login number of a customer, else the name of a key.
    """

    kind: Kind
    id: str
    scopes: frozenset[str] = frozenset()
    contract_number: str | None = None
    numbers: frozenset[str] = frozenset()
    all_numbers: bool = False
    unit: str = ""
    session_id: str = ""
    restricted: bool = False


class Tokens:
    """Checks tokens against public keys by key id. Safe to share between threads."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)
        self._known = lru_cache(TOKENS_KNOWN)(self._decoded)

    @classmethod
    def from_file(cls, path: Path) -> "Tokens":
        """Keys of a JWKS file. A changed file is read at the next check; an unreadable one leaves the old keys."""
        return _FileTokens(path)

    def verify(self, authorization: str | None) -> Principal:
        """The caller named by an Authorization header; raises Unauthenticated `token-missing` or `token-invalid`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("token-missing")
        try:
            return _principal(self._claims(token.strip()))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as cause:
            raise Unauthenticated("token-invalid") from cause

    def _claims(self, token: str) -> Mapping[str, Any]:
        """A signature is checked once; whether its key is still there and its time not over, each time."""
        kid, claims = self._known(token)
        self._key(kid)
        if claims["exp"] <= time.time() - _LEEWAY.total_seconds():
            raise jwt.ExpiredSignatureError
        return claims

    def _decoded(self, token: str) -> tuple[str, Mapping[str, Any]]:
        kid: str = jwt.get_unverified_header(token)["kid"]
        claims = jwt.decode(
            token,
            self._key(kid),
            algorithms=["EdDSA"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=_LEEWAY,
            options={"require": ["exp", "iat", "sub"]},
        )
        return kid, claims

    def _key(self, kid: str) -> Ed25519PublicKey:
        return self._keys[kid]


class _FileTokens(Tokens):
    def __init__(self, path: Path) -> None:
        super().__init__(read_jwks(path))
        self._path = path
        self._version = _version(path)

    def _key(self, kid: str) -> Ed25519PublicKey:
        # Two threads may both read the new file; they put the same keys in place.
        try:
            version = _version(self._path)
            if version != self._version:
                self._keys, self._version = read_jwks(self._path), version
        except (OSError, ValueError, KeyError, jwt.PyJWTError):
            pass  # A file in the middle of a replacement is no reason to refuse keys that are known to be good.
        return self._keys[kid]


def _version(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def read_jwks(path: Path) -> dict[str, Ed25519PublicKey]:
    """The public keys of a JWKS file by key id."""
    document = json.loads(path.read_text())
    keys = {jwk["kid"]: OKPAlgorithm.from_jwk(jwk) for jwk in document["keys"] if jwk.get("crv") == "Ed25519"}
    return {kid: key for kid, key in keys.items() if isinstance(key, Ed25519PublicKey)}


def _principal(claims: Mapping[str, Any]) -> Principal:
    if claims["kind"] not in get_args(Kind):
        raise ValueError("unknown kind of caller")
    return Principal(
        kind=claims["kind"],
        id=claims["sub"],
        scopes=frozenset(claims["scopes"]),
        contract_number=claims.get("contract_number"),
        numbers=frozenset(claims.get("numbers", ())),
        all_numbers=claims.get("all_numbers") is True,
        unit=claims.get("unit", ""),
        session_id=claims.get("session_id", ""),
        restricted=claims.get("restricted", False) is not False,
    )


class TokenIssuer:
    """Signs tokens. Only the auth service holds one."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def from_file(cls, path: Path) -> "TokenIssuer":
        """The issuer of a private key file, PEM (PKCS 8) or JWK. A changed file is read before the next signature; an
        unreadable one leaves the old key."""
        return _FileIssuer(path)

    def issue(self, principal: Principal, *, lifetime: timedelta, at: datetime) -> str:
        """A token that says who calls, valid from `at` (aware) for `lifetime`."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": principal.id,
            "iat": int(at.timestamp()),
            "exp": int((at + lifetime).timestamp()),
            "kind": principal.kind,
            "scopes": sorted(principal.scopes),
            "contract_number": principal.contract_number,
            "numbers": sorted(principal.numbers),
            "all_numbers": principal.all_numbers,
            "unit": principal.unit,
            "session_id": principal.session_id,
            "restricted": principal.restricted,
        }
        key = self._present_key()
        return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": key_id(key.public_key())})

    def _present_key(self) -> Ed25519PrivateKey:
        return self._key


class _FileIssuer(TokenIssuer):
    def __init__(self, path: Path) -> None:
        super().__init__(read_signing_key(path))
        self._path = path
        self._version = _version(path)

    def _present_key(self) -> Ed25519PrivateKey:
        try:
            version = _version(self._path)
            if version != self._version:
                self._key, self._version = read_signing_key(self._path), version
        except (OSError, ValueError, jwt.PyJWTError):
            pass  # As with the public keys.
        return self._key


def key_id(key: Ed25519PublicKey) -> str:
    """RFC 7638 thumbprint: the same key has the same id wherever it is computed."""
    public = OKPAlgorithm.to_jwk(key, as_dict=True)
    canonical = json.dumps({name: public[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def jwks(*keys: Ed25519PrivateKey | Ed25519PublicKey) -> dict[str, Any]:
    """The public halves as a JWKS document. Several keys while one replaces another."""
    public = [key.public_key() if isinstance(key, Ed25519PrivateKey) else key for key in keys]
    entries = [OKPAlgorithm.to_jwk(key, as_dict=True) | {"kid": key_id(key), "use": "sig"} for key in public]
    return {"keys": entries}


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a PEM or JWK file; ValueError when it is not an Ed25519 private key."""
    data = path.read_bytes()
    key = OKPAlgorithm.from_jwk(data.decode()) if data.lstrip().startswith(b"{") else load_pem_private_key(data, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds no Ed25519 private key")  # noqa: TRY004  The content is wrong, not a type.
    return key


def make_signing_key(path: Path) -> None:
    """Writes a new private key (PEM, mode 600) unless there is one already."""
    if path.exists():
        return
    write_whole(path, _pem(Ed25519PrivateKey.generate()), mode=0o600)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_jwks(path: Path, signing_key: Path) -> None:
    """Writes the JWKS file for one private key file, whole or not at all."""
    document = json.dumps(jwks(read_signing_key(signing_key)), indent=1)
    write_whole(path, document.encode(), mode=0o644)


def rotate_signing_key(signing_key: Path, public_keys: Path) -> str:
    """Puts a new private key in place of the present one, and gives its id. What was signed before stays good.

    The new public key is published first, so that no reader meets a signature that it cannot check; the old one stays
    beside it until the next rotation. Rotations that are asked for at the same time happen one after the other.
    """
    with signing_key.with_name(f".{signing_key.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old, new = read_signing_key(signing_key), Ed25519PrivateKey.generate()
        write_whole(public_keys, json.dumps(jwks(new, old), indent=1).encode(), mode=0o644)
        write_whole(signing_key, _pem(new), mode=0o600)
        return key_id(new.public_key())


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Puts the file in place as a whole: no reader ever sees half of it. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
    draft.replace(path)
