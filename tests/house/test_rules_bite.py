"""Each rule finds what it is there for, on small repositories made for the purpose."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import attacks, codes, imports, layout, sources, texts
from tests.house.repository import Repository

Rule = Callable[[Repository], list[str]]
DOC = '"""Something."""\n'


def planted(root: Path, files: dict[str, str]) -> Repository:
    """A repository of these files alone."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Repository(root)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (imports.wrong_ways, "services/a/api.py", "from devstack.seed import CONTRACT"),
        (imports.wrong_ways, "services/a/api.py", "def f():\n    import gateway.routes"),
        (imports.wrong_ways, "chassis/web.py", "from contracts import phone"),
        (imports.wrong_ways, "contracts/a.py", "from chassis import errors"),
        (imports.wrong_ways, "gateway/api.py", "import services.a.api"),
        (imports.between_services, "services/a/api.py", "from services.b.model import Plan"),
        (imports.between_services, "services/a/tests/test_api.py", "from services import b"),
        (imports.impure_models, "services/a/model.py", "import time"),
        (imports.impure_models, "services/a/model.py", "import uuid"),
        (imports.impure_models, "services/a/model/plan.py", "from chassis.store import Commit"),
        (imports.impure_models, "services/a/model.py", "from services.a.schemas import shown"),
        (imports.impure_models, "services/a/model.py", "from datetime import datetime\nAT = datetime.now()"),
        (imports.private_ways_out, "services/a/flows.py", "import urllib3"),
        (imports.private_ways_out, "services/a/tasks.py", "from kafka import KafkaProducer"),
        (imports.private_ways_out, "services/a/flows.py", "from pymongo import UpdateOne"),
        (sources.environment_readers, "services/a/bootstrap.py", "import os\nX = os.environ['X']"),
        (sources.environment_readers, "chassis/web.py", "import os\nX = os.getenv('X')"),
        (sources.environment_readers, "gateway/api.py", "from os import environ"),
        (sources.badly_named, "services/a/mail_utils.py", ""),
        (sources.badly_named, "chassis/helpers/text.py", ""),
        (sources.badly_named, "devstack/manager.py", ""),
        (sources.future_annotations, "services/a/api.py", "from __future__ import annotations"),
        (sources.silent_modules, "services/a/api.py", "X = 1"),
        (sources.sleeping_tests, "services/a/tests/test_api.py", "import time\ntime.sleep(1)"),
        (sources.sleeping_tests, "conftest.py", "from time import sleep\nsleep(1)"),
        (sources.mutable_globals, "services/a/api.py", "SEEN = []"),
        (sources.mutable_globals, "services/a/api.py", "from collections import Counter\nCOUNTS = Counter()"),
        (sources.mutable_globals, "services/a/api.py", "SEEN: dict[str, int] = {'a': 1}\ndef f():\n    SEEN['b'] = 2"),
        (sources.mutable_globals, "chassis/web.py", "SEEN = {'a'}\ndef f():\n    SEEN.add('b')"),
        (sources.mutable_globals, "chassis/web.py", "N = 0\ndef f():\n    global N\n    N += 1"),
        (sources.metrics_elsewhere, "services/a/api.py", "from prometheus_client import Counter"),
        (codes.badly_spelled, "services/a/model.py", "Rejected('Too_Many')"),
        (codes.badly_spelled, "services/a/model.py", "FieldError('entries', 'too many')"),
        (texts.unfinished, "docs/a.md", "later " + "TO" + "DO"),
        (texts.secrets, "docs/a.md", "curl -H 'Authorization: Bearer tsu_" + "a" * 43 + "'"),
        (texts.secrets, "deploy/key.pem", "-----BEGIN PRIV" + "ATE KEY-----"),
        (attacks.odd_rows, "docs/attacks.md", "| 1 | a guess | `tests/x.py:test_x` |"),
        (attacks.odd_rows, "docs/attacks.md", "\n".join(f"| {n} | a guess | later |" for n in range(1, 63))),
        (attacks.unknown_tests, "docs/attacks.md", "| 1 | a guess | `tests/x.py:test_x` |"),
        (attacks.unlike, "tests/e2e/attacks/test_x.py", "@pytest.mark.attack(1)\ndef test_x() -> None: ..."),
        (attacks.unlike, "docs/attacks.md", "| 1 | a guess | `tests/e2e/attacks/test_x.py:test_x` |"),
        (texts.registry_hosts, "Dockerfile", "RUN curl https://files.python" + "hosted.org/x"),
        (texts.machine_paths, "docs/a.md", "see " + "/home" + "/someone/notes"),
    ],
)
def test_a_rule_finds_what_it_forbids(rule: Rule, path: str, text: str, tmp_path: Path) -> None:
    assert rule(planted(tmp_path, {path: text})) != []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (imports.wrong_ways, "services/a/api.py", "from chassis.web import reply\nfrom contracts import phone"),
        (imports.impure_models, "services/a/model.py", "import hashlib\nfrom chassis.errors import Rejected"),
        (imports.impure_models, "services/a/model/plan.py", "from services.a.model import words"),
        (imports.private_ways_out, "services/a/adapters.py", "from pymongo import UpdateOne"),
        (sources.environment_readers, "devstack/up.py", "import os\nX = os.environ['X']"),
        (sources.environment_readers, "chassis/progress.py", "def app(environ):\n    return environ.get('PATH_INFO')"),
        (sources.badly_named, "services/a/database.py", ""),
        (sources.mutable_globals, "services/a/api.py", "WORDS = {'a': 'b'}\ndef f():\n    return WORDS['a']"),
        (
            sources.mutable_globals,
            "chassis/progress.py",
            "from prometheus_client import Gauge\nUP = Gauge('a', 'b')",
        ),
        (texts.machine_paths, "docs/a.md", "the framework/work/flow and chassis/home.py"),
    ],
)
def test_a_rule_lets_the_rest_be(rule: Rule, path: str, text: str, tmp_path: Path) -> None:
    assert rule(planted(tmp_path, {path: text})) == []


@pytest.mark.parametrize(
    ("root", "line", "found"),
    [
        ("/opt/tsunagu", "cd /opt/tsunagu && ./tsunagu up", True),
        ("/opt/tsunagu", "see /opt/tsunagu/docs", True),
        ("/opt/tsunagu", "image: registry/opt/tsunagu-auth", False),
        ("/opt/tsunagu", "/opt/tsunagu-2 is another place", False),
        ("/app", "the chassis/app.py and WORKDIR /app", False),
    ],
)
def test_the_place_of_a_checkout_is_found_as_a_path_and_not_inside_of_words(root: str, line: str, found: bool) -> None:
    assert bool(texts.place_of(Path(root)).search(line)) == found


MATCH = """
def decide(command: Command, plan: Plan) -> list[Event]:
    match command:
        case Start():
            return []
{last}
"""


@pytest.mark.parametrize(
    ("last", "is_open"),
    [
        ("        case _:\n            assert_never(command)", False),
        ("        case _:\n            return []", True),
        ("        case Stop():\n            return []", True),
        ("        case _ if plan:\n            assert_never(command)", True),
        ("    return []", True),
    ],
)
def test_a_match_over_commands_has_to_be_closed(last: str, is_open: bool, tmp_path: Path) -> None:
    repository = planted(tmp_path, {"services/a/model.py": MATCH.format(last=last)})

    assert bool(sources.open_matches(repository)) is is_open


def test_a_decider_without_a_match_is_found(tmp_path: Path) -> None:
    repository = planted(tmp_path, {"services/a/model.py": "def evolve(state, event):\n    return state"})

    assert sources.unmatched_deciders(repository) == ["services/a/model.py:1 evolve"]


def test_a_code_needs_words_unless_a_sentence_stands_beside_it(tmp_path: Path) -> None:
    model = "Rejected('worded')\nRejected('shared')\nFieldError('f', 'said', 'A sentence.')\nRejected('wordless')"
    api = "WORDS = {'worded': ('ja', 'en'), 'gone': ('ja', 'en')}"
    parts = {"services/a/__init__.py": "", "services/a/model.py": model, "services/a/api.py": api}

    repository = planted(tmp_path, parts)

    assert codes.wordless(repository, {"shared": ()}) == ["services/a/model.py:4 'wordless'"]
    assert "services/a/api.py 'gone'" in codes.unused_words(repository)


def test_an_index_of_this_machine_is_found_by_the_environment(tmp_path: Path) -> None:
    repository = planted(tmp_path, {"docs/a.md": "see https://packages.example.jp/simple"})

    assert texts.registry_hosts(repository, {"PIP_INDEX_URL": "https://packages.example.jp/simple"}) != []
    assert texts.registry_hosts(repository, {}) == []


def test_a_folder_with_an_odd_module_and_without_a_needed_one_is_found(tmp_path: Path) -> None:
    files = {f"services/a/{name}": DOC for name in ("__init__.py", "api.py", "models.py", "schemas.py", "settings.py")}

    found = layout.odd_parts(planted(tmp_path, files))

    assert found == [
        "services/a/bootstrap.py is missing",
        "services/a/README.md is missing",
        "services/a/tests is missing",
        "services/a/model.py (or model/, not both) is missing",
        "services/a/models.py is no standard module",
    ]
