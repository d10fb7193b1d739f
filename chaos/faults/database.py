"""MongoDB dies and hangs."""

from threading import Event

from chaos.ground import Ground, promised
from chaos.harm import away, restarted, standing_still
from chaos.load import Load

WEBS = ("gateway", "linewatch-web", "bulkforward-web", "voicewarp-web")
HANG_SECONDS, AWAY_SECONDS = 30.0, 10.0


def killed(ground: Ground, load: Load) -> list[str]:
    """Again and again, so that one of them meets a commit under way; at last it stays away for longer than anybody
    waits for it."""
    with load.running(25):
        for _ in range(5):
            Event().wait(1.5)
            restarted(ground.stack, "mongod")
        with away(ground.stack, "mongod"):
            Event().wait(AWAY_SECONDS)
    promised(load.told["report", 503], "a report was taken while there was no database")
    return [f"{load.told['report', 503]} reports were told to come again, {load.broken_off['report']} broke off"]


def hung(ground: Ground, load: Load) -> list[str]:
    pids = {name: ground.stack.pid(name) for name in ground.processes()}
    before = ground.threads(*WEBS)
    with load.running(HANG_SECONDS + 10):
        with standing_still(ground.stack, "mongod"):
            Event().wait(HANG_SECONDS - 4)
            during = ground.threads(*WEBS)
            answer = ground.monitor.post("/api/v1/line-events", [load.item(load.lines[0], "faulted")])
        retry_after = answer.headers.get("Retry-After")
        promised(answer.status == 503 and retry_after, f"with the database hanging: {answer.status}, {retry_after=}")
    promised(during <= before + 16, f"{during - before} threads more after {HANG_SECONDS:.0f} s")
    again = [name for name, pid in pids.items() if ground.stack.pid(name) != pid]
    promised(not again, f"these had to start anew: {again}")
    return [f"503 with Retry-After {retry_after}; {load.told['report', 503]} reports were told to come again"]
