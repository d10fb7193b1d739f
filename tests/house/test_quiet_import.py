"""Nothing happens at import: no connection, no thread, no process, no file written, no look at the environment."""

import subprocess
import sys

from tests.house.repository import REPOSITORY, ROOT

# Not imported by anything: gunicorn runs it once as its configuration.
CONFIGURATION = "chassis.gunicorn_conf"
FORBIDDEN = (
    *("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
    *("subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn"),
    *("_thread.start_new_thread", "_thread.start_joinable_thread", "os.mkdir", "os.remove", "os.rename"),
)
IMPORT_ALL = f"""
import importlib, sys

def watch(event, arguments):
    if event in {FORBIDDEN!r}:
        raise SystemExit(f"{{module}}: {{event}} {{arguments}}")
    # A port of 0 is no address: a library asks in this way whether there is IPv6.
    if event == "socket.bind" and arguments[1][1:2] != (0,):
        raise SystemExit(f"{{module}}: {{event}} {{arguments}}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemExit(f"{{module}}: opens {{arguments[0]}} for writing")

sys.dont_write_bytecode = True
sys.addaudithook(watch)
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_importing_a_module_does_nothing() -> None:
    folders = ("contracts", "chassis", "services", "gateway")
    modules = [source.module for source in REPOSITORY.under(*folders) if source.module != CONFIGURATION]

    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{IMPORT_ALL}", *modules],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"Do it in a function that somebody calls: {done.stderr.strip()[-800:]}"
    assert not done.stdout
