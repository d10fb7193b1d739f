from pathlib import Path

import pytest

from chassis.auth import read_jwks, rotate_signing_key
from chassis.keyfiles import main
from chassis.passwords import read_pepper


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [tmp_path / "signing" / "key.pem", tmp_path / "public" / "jwks.json", tmp_path / "pepper" / "pepper"]


def test_a_new_installation_gets_keys_that_belong_together(files: list[Path]) -> None:
    assert main([str(file) for file in files]) == 0

    signing, public, pepper = files
    assert len(read_jwks(public)) == 1
    assert read_pepper(pepper)
    assert [file.stat().st_mode & 0o077 for file in (signing, pepper)] == [0, 0]


def test_what_is_there_stays_also_the_key_before_the_last_rotation(files: list[Path]) -> None:
    main([str(file) for file in files])
    rotate_signing_key(files[0], files[1])
    before = [file.read_bytes() for file in files]

    assert main([str(file) for file in files]) == 0

    assert [file.read_bytes() for file in files] == before
    assert len(read_jwks(files[1])) == 2


def test_anything_else_is_answered_with_the_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "key.pem")]) == 2

    assert capsys.readouterr().err.startswith("usage:")
    assert list(tmp_path.iterdir()) == []
