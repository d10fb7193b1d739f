"""A worker as a process: `python -m chassis.tests.worker_example MONGO_URL DATABASE HOST:PORT`.

It writes down in `seen` what it does: who leads, and that its task came to the end of its turn.
"""

import sys
import time
from collections.abc import Callable

from flask import Flask

from chassis.lease import Lease
from chassis.mongo import connect
from chassis.runtime import Service, WorkerSettings, run_worker


def main(url: str, name: str, bind: str) -> int:
    database = connect(url, name)

    def finish_turns(going: Callable[[], bool]) -> None:
        while going():
            database["seen"].update_one({"_id": f"turns of {bind}"}, {"$inc": {"count": 1}}, upsert=True)
            time.sleep(0.01)
        database["seen"].insert_one({"_id": f"end of {bind}"})

    def lead(fence: int, going: Callable[[], bool]) -> None:
        database["seen"].insert_one({"leader": bind, "fence": fence})
        while going():
            time.sleep(0.01)

    def lease(task: str, holder: str) -> Lease:
        return Lease(database, task, holder)

    service = Service("example", lambda: Flask("example"), lease, tasks={"turns": finish_turns}, led={"led": lead})
    return run_worker(service, WorkerSettings(bind))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
