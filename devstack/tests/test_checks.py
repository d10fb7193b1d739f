"""What a commit has to pass depends on what it changes."""

import pytest

from devstack.checks import to_test


def test_rules_and_house_are_always_tested() -> None:
    always = to_test([])

    assert {"contracts", "tests/house", "services/bulkforward/tests/test_model.py"} <= set(always)
    assert "gateway" not in always


@pytest.mark.parametrize(
    ("changed", "package"),
    [
        ("gateway/site/pages/top.py", "gateway"),
        ("services/notify/api.py", "services/notify"),
        ("tests/together/test_door.py", "tests/together"),
        ("chassis/handling.py", "chassis"),
    ],
)
def test_what_is_changed_is_tested(changed: str, package: str) -> None:
    assert package in to_test([changed])


def test_nothing_is_named_twice() -> None:
    named = to_test(["services/notify/model/mail.py", "contracts/notify.py"])

    assert not [one for one in named if any(one.startswith(f"{other}/") for other in named)]


@pytest.mark.parametrize("changed", ["README.md", "docs/adr/0001.md", "services/conftest.py", "deploy/k8s/x.yaml"])
def test_what_has_no_tests_adds_none(changed: str) -> None:
    assert to_test([changed]) == to_test([])
