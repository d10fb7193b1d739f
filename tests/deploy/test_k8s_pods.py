"""What a pod may do, how Kubernetes knows that it is well, and what it is given."""

from collections.abc import Callable, Iterator

import pytest

from tests.deploy.manifests import Object, Overlay, Pod, matches, named
from tests.house.repository import told

RESTRICTED_VOLUMES = {"configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim", "downwardAPI", "csi"}
STOP_SECONDS = {"web": 5 + 25, "gateway": 5 + 25, "worker": 20, "aside": 20}
# A node of two cores keeps some of it for itself.
MILLICORES_OF_DEV = 1_600


def _not_restricted(pod: Pod) -> Iterator[str]:
    spec, security = pod.spec, pod.spec.get("securityContext", {})
    if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "uses a namespace of the host"
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "does not say which user but root it runs as"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    for volume in spec.get("volumes", ()):
        if not (set(volume) - {"name"}) <= RESTRICTED_VOLUMES:
            yield f"has a volume of another kind: {volume['name']}"
    for container in pod.containers:
        yield from _not_restricted_container(container)


def _not_restricted_container(container: Object) -> Iterator[str]:
    own = container.get("securityContext", {})
    if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write into its image"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "takes a port of the node"


def _account(pod: Pod) -> Iterator[str]:
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield "has a token for the Kubernetes API"
    if pod.spec.get("serviceAccountName", "default") == "default":
        yield "has no service account of its own"


def _labels(pod: Pod) -> Iterator[str]:
    both = (pod.labels, pod.workload["metadata"]["labels"])
    for name in ("name", "instance", "version", "component", "part-of", "managed-by"):
        if pod.is_ours and pod.component != "mail-sink" and not all(f"app.kubernetes.io/{name}" in one for one in both):
            yield f"has no label app.kubernetes.io/{name}"
    if "kubernetes.io/description" not in pod.workload["metadata"].get("annotations", {}):
        yield "does not say what it is for (annotation kubernetes.io/description)"


def _resources(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        requests, limits = (container.get("resources", {}).get(part, {}) for part in ("requests", "limits"))
        if not {"cpu", "memory"} <= requests.keys():
            yield "requests no processor or no memory"
        if "memory" not in limits:
            yield "has no limit of memory"
        if "cpu" in limits:
            yield "is throttled: a limit of the processor makes it late where nobody else wants it"


def _images(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        repository, _, tag = container["image"].partition(":")
        if not tag or tag == "latest" or container.get("imagePullPolicy") == "Always":
            yield f"may run another image tomorrow: {repository}"


def _empty_folders(pod: Pod) -> Iterator[str]:
    for volume in pod.spec.get("volumes", ()):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"may fill the node's disk: {volume['name']}"


@pytest.mark.parametrize("rule", [_not_restricted, _account, _labels, _resources, _images, _empty_folders])
def test_every_pod(overlay: Overlay, rule: Callable[[Pod], Iterator[str]]) -> None:
    found = [f"{pod.name} {problem}" for pod in overlay.pods for problem in rule(pod)]

    assert not found, told("docs/operations.md says how pods are:", found)


def test_the_namespace_refuses_what_is_not_restricted(overlay: Overlay) -> None:
    labels = [one["metadata"]["labels"] for one in overlay.of("Namespace")]

    assert [one["pod-security.kubernetes.io/enforce"] for one in labels] == ["restricted"]


def test_accounts_have_no_token_either(overlay: Overlay) -> None:
    found = [named(one) for one in overlay.of("ServiceAccount") if one.get("automountServiceAccountToken") is not False]

    assert not found


def test_each_probe_asks_for_its_own_duty(overlay: Overlay) -> None:
    asked = {pod.name: _asked(pod) for pod in overlay.pods if pod.is_running and pod.is_ours}

    for name, paths in asked.items():
        assert paths["startupProbe"] in ("/health/live", "/health/ready"), name
        assert paths["livenessProbe"] == "/health/live", f"{name}: engines that are away come back without a new start"
        own = "/health/live" if name == "Deployment/gateway" else "/health/ready"
        assert paths["readinessProbe"] == own, name


def test_nothing_is_given_up_on_before_two_minutes(overlay: Overlay) -> None:
    """A process that was slow for a while is not made faster by a new start."""
    found = [
        pod.name
        for pod in overlay.pods
        for container in pod.containers
        if pod.is_running
        for probe in (container["livenessProbe"], container["startupProbe"])
        if probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3) < 120
    ]

    assert not found


def _asked(pod: Pod) -> dict[str, str]:
    container = pod.spec["containers"][0]
    return {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}


def test_what_runs_has_time_to_finish(overlay: Overlay) -> None:
    found = [
        pod.name
        for pod in overlay.pods
        if pod.is_running and pod.spec["terminationGracePeriodSeconds"] <= STOP_SECONDS.get(pod.component, 0)
    ]

    assert not found


def test_proxies_hear_of_a_stop_before_the_process_does(overlay: Overlay) -> None:
    served = [pod for pod in overlay.pods if pod.component in ("web", "gateway")]

    assert served
    assert all(pod.containers[0]["lifecycle"]["preStop"]["sleep"]["seconds"] >= 5 for pod in served)


def test_a_disruption_takes_one_pod_at_a_time(overlay: Overlay) -> None:
    budgets = overlay.of("PodDisruptionBudget")

    for pod in overlay.pods:
        mine = [one for one in budgets if matches(one["spec"]["selector"], pod.labels)]
        assert [one["spec"]["maxUnavailable"] for one in mine] == ([1] if pod.is_running else []), pod.name


def test_pods_of_one_kind_are_spread(overlay: Overlay) -> None:
    for pod in overlay.pods:
        if not pod.is_ours or not pod.is_running or pod.component == "mail-sink":
            continue
        spread = pod.spec["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        assert all(matches(one["labelSelector"], pod.labels) for one in spread), pod.name


def test_selectors_take_their_own_pods_and_no_others(overlay: Overlay) -> None:
    selectors = {named(one): one["spec"].get("selector", {}) for one in overlay.of("Deployment", "StatefulSet")} | {
        named(one): {"matchLabels": one["spec"]["selector"]} for one in overlay.of("Service")
    }

    taken = {name: [pod.name for pod in overlay.pods if matches(one, pod.labels)] for name, one in selectors.items()}

    assert {name: pods for name, pods in taken.items() if len(pods) != 1} == {}


def test_a_rolling_update_never_has_fewer(overlay: Overlay) -> None:
    found = [
        named(one)
        for one in overlay.of("Deployment")
        if one["spec"]["strategy"]
        not in ({"type": "Recreate"}, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    ]

    assert not found


def test_development_fits_two_cores(dev: Overlay) -> None:
    asked = sum(_millicores(container) for pod in dev.pods for container in pod.containers)
    largest = max(_millicores(container) for pod in dev.pods for container in pod.containers)

    assert asked + largest <= MILLICORES_OF_DEV


def test_production_has_its_memory_for_certain(prod: Overlay) -> None:
    found = [
        pod.name
        for pod in prod.pods
        for container in pod.containers
        if container["resources"]["requests"]["memory"] != container["resources"]["limits"]["memory"]
    ]

    assert not found


def test_production_runs_images_by_digest(prod: Overlay) -> None:
    found = [pod.name for pod in prod.pods for container in pod.containers if "@sha256:" not in container["image"]]

    assert not found


def _millicores(container: Object) -> int:
    asked = str(container["resources"]["requests"]["cpu"])
    return int(asked.removesuffix("m")) if asked.endswith("m") else int(float(asked) * 1000)
