"""The list of libraries is the whole lock."""

from devstack.materials import LOCK, left_out, locked

HASH = "0" * 64


def test_a_lock_is_read_with_markers_and_all_hashes() -> None:
    lock = (
        f"six==1.17.0 ; os_name == 'nt' \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'1' * 64}\n    # via x\n"
        f"zipp==4.1.2 \\\n    --hash=sha256:{HASH}\n"
    )

    assert [*locked(lock)] == [
        ("six", "1.17.0", frozenset({HASH, "1" * 64})),
        ("zipp", "4.1.2", frozenset({HASH})),
    ]


def test_every_library_is_pinned_with_a_hash() -> None:
    lock = LOCK.read_text(encoding="utf-8")

    libraries = [*locked(lock)]

    assert len(libraries) == len([line for line in lock.splitlines() if line[:1].isalnum()])
    assert not [name for name, _, hashes in libraries if not hashes]


def test_another_version_and_other_hashes_are_left_out() -> None:
    lock = "".join(f"{name}==1.0 \\\n    --hash=sha256:{HASH}\n" for name in ("one", "other-version", "other-hash"))
    document = {"components": [component("one"), component("other-version", "2.0"), component("other-hash", of="1")]}

    assert left_out(document, lock) == ["other-version 1.0", "other-hash 1.0"]


def component(name: str, version: str = "1.0", of: str = "0") -> dict[str, object]:
    hashes = [{"alg": "SHA-256", "content": of * 64}]
    return {"name": name, "version": version, "externalReferences": [{"hashes": hashes}]}
