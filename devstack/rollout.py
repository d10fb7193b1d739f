"""`deploy/k8s/try`: Tsunagu on a Kubernetes cluster, from images to a result. Says each step with its time.

It applies the development overlay to the cluster that kubectl speaks to, waits until all is ready, looks whether the
namespace is as closed as the manifests say, goes the main road, and then reports faults and recoveries while pods are
killed and everything is restarted. Each report must have had its effect in the end, and its mail only once.
"""

import re
import subprocess
import sys
import time
from contextlib import ExitStack

import click
from rich.console import Console

from devstack import seed
from devstack.client import Client
from devstack.cluster import forwarded, kubectl, listed, names, rolled_out, run_in, wait_for
from devstack.demo import Demo
from devstack.places import REPOSITORY
from devstack.trial import Said, Trial
from devstack.trouble import Trouble

OVERLAY = "deploy/k8s/overlays/dev"
READY_SECONDS = 600
# What is killed while faults come in, one after the other; each has come back before the next goes.
VICTIMS = (
    "linewatch-worker",
    "bulkforward-worker",
    "notify-worker",
    "notify-aside",
    "linewatch-web",
    "voicewarp-worker",
    "gateway",
    "kafka",
    "mongodb",
)
# What a pod is asked to reach, and whether it may: the edges of base/network-policies.yaml, tried.
EDGES = (
    ("deployment/gateway", "auth-web:80", True),
    ("deployment/gateway", "mongodb-0.mongodb:27017", False),
    ("deployment/gateway", "kafka-0.kafka:9092", False),
    ("deployment/linewatch-web", "mongodb-0.mongodb:27017", True),
    ("deployment/linewatch-web", "kafka-0.kafka:9092", False),
    ("deployment/linewatch-web", "auth-web:80", False),
    ("deployment/notify-worker", "mail:1025", False),
    ("deployment/notify-aside", "mail:1025", True),
    ("deployment/notify-aside", "kafka-0.kafka:9092", True),
)
REACH = "import socket, sys; socket.create_connection(sys.argv[1].rsplit(':', 1), 3); print('reached')"


def load_images(command: str, say: Said) -> None:
    """Runs `command IMAGE` for every image of the overlay."""
    images = sorted(set(re.findall(r"image: (\S+)", kubectl("kustomize", str(REPOSITORY / OVERLAY)))))
    for image in images:
        subprocess.run([*command.split(), image], check=True, stdout=subprocess.DEVNULL)
    say(f"{len(images)} images loaded")


def apply(say: Said) -> None:
    """The namespace, its secrets, then everything. What ran before is brought to the same state."""
    kubectl("apply", "--filename", str(REPOSITORY / "deploy/k8s/base/namespace.yaml"))
    subprocess.run([str(REPOSITORY / "deploy/k8s/secrets"), "make"], check=True, stdout=subprocess.DEVNULL)
    # A job cannot be changed, only made anew.
    kubectl("delete", "job", "--selector", "app.kubernetes.io/component=set-up", "--ignore-not-found")
    kubectl("apply", "--kustomize", str(REPOSITORY / OVERLAY))
    say("applied")


def wait_until_ready(say: Said) -> None:
    """Every job is done and every workload runs with all its pods ready."""
    jobs = names("jobs", "app.kubernetes.io/component=set-up")
    kubectl("wait", "--for=condition=complete", f"--timeout={READY_SECONDS}s", *(f"job/{name}" for name in jobs))
    say(f"{len(jobs)} set-up jobs are done: replica set, users, indexes, topics")
    rolled_out(workloads(), READY_SECONDS)
    pods = [pod for pod in listed("pods") if pod["status"]["phase"] == "Running"]
    restarts = sum(one["restartCount"] for pod in pods for one in pod["status"]["containerStatuses"])
    say(f"{len(pods)} pods are ready, {restarts} restarts of containers so far")


def workloads() -> list[str]:
    return [f"{kind}/{name}" for kind in ("deployment", "statefulset") for name in names(f"{kind}s")]


def check_pod_security(say: Said) -> None:
    """Every pod that runs fits `restricted`: Kubernetes names those that do not when the label is set again."""
    label = "pod-security.kubernetes.io/enforce=restricted"
    said = kubectl("label", "--dry-run=server", "--overwrite", "namespace", "tsunagu", label, tolerant=True)
    if "violate" in said:
        raise Trouble(f"Pods are not restricted: {said}")
    say("every pod runs under Pod Security restricted")


def check_edges(say: Said) -> None:
    """Which connections pass and which do not, tried from inside the pods."""
    for workload, address, may in EDGES:
        said = kubectl("exec", workload, "--", "python", "-c", REACH, address, tolerant=True)
        does = said.strip() == "reached"
        if may != does:
            raise Trouble(f"{workload} {'reaches' if does else 'does not reach'} {address}: {said[-300:]}")
    say(f"network policies: {len(EDGES)} edges tried, {sum(not may for *_, may in EDGES)} of them closed")


def api_key(scope: str) -> str:
    """A new key, made in the cluster by auth's own command."""
    return run_in("deployment/auth-worker", "/app/start", "api-key", "create", "try", "--scope", scope).strip()


def kill_pods(say: Said) -> None:
    """One after the other, without time to finish; the next when all is ready again."""
    for name in VICTIMS:
        began = time.monotonic()
        _kill(name)
        rolled_out(workloads(), READY_SECONDS)
        say(f"killed {name}; everything is ready again after {time.monotonic() - began:.0f} s")


def _kill(name: str) -> None:
    """Returns when the pod is gone, be it that another has come under its name."""
    found = [pod["metadata"] for pod in listed("pods") if re.fullmatch(rf"{name}-(\w+-\w+|0)", pod["metadata"]["name"])]
    kubectl("delete", "pod", found[0]["name"], "--grace-period=0", "--force", tolerant=True)
    uid = found[0]["uid"]
    wait_for(f"{name} is gone", lambda: uid not in {pod["metadata"]["uid"] for pod in listed("pods")}, READY_SECONDS)


def restart_everything(say: Said) -> None:
    """Every deployment anew, as a new version would do it."""
    deployments = [f"deployment/{name}" for name in names("deployments") if name != "mail"]
    kubectl("rollout", "restart", *deployments)
    rolled_out(deployments, READY_SECONDS)
    say(f"{len(deployments)} deployments restarted")


def go_the_main_road(operator: Client, monitor: Client, mails: Client, say: Said) -> None:
    Demo(monitor, operator, mails, say.console).run()
    say("the main road passes")


def _unused() -> int:
    """Where the contracts of this run begin: others than those of a run before, which may have been cut off."""
    return 20_000_000 + int(time.time()) % 10_000_000


def run(load: str, lines: int) -> None:
    """Raises Trouble at the first thing that is not as it should be."""
    say = Said(Console(), time.monotonic())
    if load:
        load_images(load, say)
    apply(say)
    wait_until_ready(say)
    check_pod_security(say)
    check_edges(say)
    with ExitStack() as ways:
        operator = ways.enter_context(forwarded("gateway", 80, api_key(seed.OPERATOR)))
        monitor = ways.enter_context(forwarded("gateway", 80, api_key(seed.LINE_EVENTS)))
        mails = ways.enter_context(forwarded("mail", 80))
        go_the_main_road(operator.client(), monitor.client(), mails.client(), say)
        trial = Trial(operator, monitor, mails, lines, _unused(), say)
        trial.prepare()
        trial.report_during("faulted", lambda: kill_pods(say))
        trial.report_during("recovered", lambda: restart_everything(say))
    say("nothing lost, nothing twice")


@click.command()
@click.option(
    "--load", default="", help="A command that makes an image known to the cluster: 'kind load docker-image'."
)
@click.option("--lines", default=60, show_default=True, help="How many lines fail while pods are killed.")
def main(load: str, lines: int) -> None:
    """Tsunagu on the cluster that kubectl speaks to, from images to a result."""
    try:
        run(load, lines)
    except (Trouble, subprocess.CalledProcessError) as trouble:
        sys.stderr.write(f"try: {trouble}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
