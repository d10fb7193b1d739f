"""What is made of pip-audit's report."""

import json
from collections.abc import Mapping

from devstack.advisories import SKIPPED, judged

GOOD = {"name": "flask", "version": "3.1", "vulns": []}
BAD = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}]}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found"}


def report(*libraries: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": libraries, "fixes": []})


def test_libraries_without_an_advisory_pass() -> None:
    assert judged(report(GOOD), "No known vulnerabilities found").code == 0


def test_a_vulnerable_library_is_refused_by_name_also_beside_unknown_ones() -> None:
    verdict = judged(report(GOOD, BAD, UNKNOWN), "")

    assert verdict.code == 1
    assert "jinja2 2.0: PYSEC-2019-217 (mended in 2.10.1)" in verdict.said


def test_what_nothing_is_told_of_is_not_called_good() -> None:
    verdict = judged(report(GOOD, UNKNOWN), "No known vulnerabilities found")

    assert (verdict.code, verdict.said) == (SKIPPED, "nothing is told of 1 of 2 libraries, ours first")


def test_without_a_report_the_reason_is_told() -> None:
    verdict = judged("", "Traceback\n  ...\nConnectionError: no way there")

    assert verdict.code == SKIPPED
    assert "no way there" in verdict.said
