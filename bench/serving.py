"""A yardstick's web application in a process of its own, served as the services are."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devstack import ports
from devstack.places import REPOSITORY


@contextmanager
def serving(module: str, threads: int, environment: Mapping[str, str]) -> Iterator[str]:
    """Its address; whoever asks first may have to wait."""
    with tempfile.TemporaryDirectory() as metrics:
        bind = f"127.0.0.1:{ports.free_port()}"
        settings = {"BIND": bind, "WEB_THREADS": str(threads), "PROMETHEUS_MULTIPROC_DIR": metrics}
        command = (sys.executable, "-m", "gunicorn", "-c", "chassis/gunicorn_conf.py", f"{module}:create_app()")
        surroundings = {**os.environ, **settings, **environment}
        with subprocess.Popen(command, cwd=REPOSITORY, env=surroundings, stdout=subprocess.DEVNULL) as server:
            try:
                yield f"http://{bind}"
            finally:
                server.terminate()
