"""Whether a library of `requirements.lock` is known to be vulnerable: pip-audit, as a step of `./tsunagu check`.

The lock is read and nothing is installed. Advisories come over the network: where their service is not reached the
step says so and is skipped, because a commit must be possible in a train. What is known to be vulnerable is refused.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from devstack.materials import LOCK
from devstack.places import REPOSITORY

SKIPPED = 75  # EX_TEMPFAIL: it may be looked at again later.
# So long one answer may take, and all of them.
ANSWER_SECONDS, SECONDS = 5, 40


@dataclass(frozen=True)
class Verdict:
    """How the step ends, and what there is to say of it."""

    code: int
    said: str


def judged(output: str, problem: str) -> Verdict:
    """Of pip-audit's report (JSON), and of its error output where there is no report."""
    try:
        libraries: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = problem.strip().splitlines() or ["it said nothing"]
        return Verdict(SKIPPED, f"advisories are not to be had: {lines[-1][:200]}")
    if found := [f"{one['name']} {one['version']}: {_ids(one)}" for one in libraries if one.get("vulns")]:
        return Verdict(1, "\n".join(["Raise these in requirements.lock:", *found]))
    if unknown := [one["name"] for one in libraries if "skip_reason" in one]:
        return Verdict(SKIPPED, f"nothing is told of {len(unknown)} of {len(libraries)} libraries, {unknown[0]} first")
    return Verdict(0, f"{len(libraries)} libraries")


def _ids(library: dict[str, Any]) -> str:
    return ", ".join(f"{one['id']} (mended in {', '.join(one['fix_versions']) or 'none'})" for one in library["vulns"])


def look() -> Verdict:
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", str(ANSWER_SECONDS)]
    command = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), *options, "--format", "json"]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Verdict(SKIPPED, f"advisories are not to be had within {SECONDS} s")
    return judged(done.stdout, done.stderr)


if __name__ == "__main__":
    verdict = look()
    print(verdict.said)
    sys.exit(verdict.code)
