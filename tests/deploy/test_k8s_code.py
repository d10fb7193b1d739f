"""The manifests run the processes that there are, with the settings that they read, from the image that is built."""

import dataclasses
import importlib
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from chassis import kafka
from chassis.runtime import WorkerSettings
from contracts import events_of
from devstack.services import GATEWAY, SERVICES, WEB_THREADS, tasks, web, worker
from tests.deploy.manifests import Object, Overlay, Pod, named
from tests.house.repository import REPOSITORY, told

SECRET_FILES = {"TOKEN_SIGNING_KEY", "PASSWORD_PEPPER"}


def _variables(pod: Pod) -> dict[str, bool]:
    """What the pod's process reads from its environment, and whether it must be given."""
    name = pod.labels["app.kubernetes.io/name"]
    module = importlib.import_module("gateway.settings" if name == GATEWAY else f"services.{name}.settings")
    both = [*dataclasses.fields(module.Settings), *dataclasses.fields(WorkerSettings)]
    return {field.name.upper(): field.default is dataclasses.MISSING for field in both} | _web_variables()


def _web_variables() -> dict[str, bool]:
    """Of gunicorn's configuration, which is a program and not for importing."""
    text = REPOSITORY.text("chassis/gunicorn_conf.py")
    return {name.upper(): False for name in re.findall(r"^    (\w+): \w+ = variable\(", text, re.MULTILINE)}


def _ours(overlay: Overlay) -> Iterator[Pod]:
    return (
        pod for pod in overlay.pods if pod.component in ("web", "worker", "aside", "gateway", "set-up") and pod.is_ours
    )


def _environment(overlay: Overlay, pod: Pod) -> dict[str, Any]:
    """The variables of its container; of a secret, where it comes from. Those that the image sets are there too."""
    container = pod.spec["containers"][0]
    named_maps = [one["configMapRef"]["name"] for one in container.get("envFrom", ())]
    found: dict[str, Any] = dict(re.findall(r"^(?:ENV| +) ?([A-Z_]+)=(\S+)", _image(), re.MULTILINE))
    for one in overlay.of("ConfigMap"):
        if one["metadata"]["name"] in named_maps:
            found |= one["data"]
    return found | {one["name"]: one.get("value", one.get("valueFrom")) for one in container.get("env", ())}


def _image() -> str:
    return REPOSITORY.text("Dockerfile").rpartition("FROM ")[2]


def test_every_process_has_a_workload_and_no_other_is_there(overlay: Overlay) -> None:
    wanted = {GATEWAY} | {web(service) for service in SERVICES}
    wanted |= {worker(service, task) for service in SERVICES for task in tasks(service)}
    jobs = {f"{service}-set-up" for service in SERVICES}

    assert {pod.workload["metadata"]["name"] for pod in _ours(overlay)} == wanted | jobs


def test_every_variable_without_a_default_is_given(overlay: Overlay) -> None:
    found = [
        f"{pod.name}: {name}"
        for pod in _ours(overlay)
        for name, must_be_given in _variables(pod).items()
        if must_be_given and name not in _environment(overlay, pod)
    ]

    assert not found, told("Give the variable in deploy/k8s/base:", found)


def test_no_variable_is_given_that_nobody_reads(overlay: Overlay) -> None:
    known = {"KAFKA_SERVERS", *_image_variables()}
    found = [
        f"{pod.name}: {name}"
        for pod in _ours(overlay)
        for name in _environment(overlay, pod)
        if name not in known and name not in _variables(pod)
    ]

    assert not found, told("Take the variable out, or spell it as the settings do:", found)


def _image_variables() -> set[str]:
    return {name for name, _ in re.findall(r"([A-Z_]+)=(\S+)", _image())}


def test_what_is_secret_comes_from_secrets(overlay: Overlay) -> None:
    found = [
        f"{pod.name}: {variable['name']}"
        for pod in overlay.pods
        for container in pod.containers
        for variable in container.get("env", ())
        if variable["name"] in _secrets(pod) or "PASSWORD" in variable["name"].split("_")
        if variable["name"] not in SECRET_FILES and "secretKeyRef" not in variable.get("valueFrom", {})
    ]

    assert not found
    assert not overlay.of("Secret"), "Secrets are made by deploy/k8s/secrets, or come from outside."


def _secrets(pod: Pod) -> set[str]:
    service = pod.labels["app.kubernetes.io/name"]
    if service not in SERVICES:
        return set()
    settings = importlib.import_module(f"services.{service}.settings").Settings
    return {field.name.upper() for field in dataclasses.fields(settings) if field.metadata.get("secret")}


def test_files_that_settings_name_are_mounted(overlay: Overlay) -> None:
    found = [
        f"{pod.name}: {name}={path}"
        for pod in _ours(overlay)
        for name, path in _environment(overlay, pod).items()
        if isinstance(path, str) and path.startswith("/keys/")
        if path.rpartition("/")[0] not in {one["mountPath"] for one in pod.containers[0]["volumeMounts"]}
    ]

    assert not found


def test_a_service_has_its_own_database_user_and_no_other(overlay: Overlay) -> None:
    for pod in _ours(overlay):
        if pod.component != "gateway":
            reference = _environment(overlay, pod)["MONGO_URL"]["secretKeyRef"]
            assert reference["name"] == f"{pod.labels['app.kubernetes.io/name']}-mongo", pod.name


def test_the_signing_key_is_in_auth_alone_and_the_pepper_in_two(overlay: Overlay) -> None:
    def holders(secret: str) -> set[str]:
        return {
            pod.labels["app.kubernetes.io/name"]
            for pod in overlay.pods
            for volume in pod.spec.get("volumes", ())
            if volume.get("secret", {}).get("secretName") == secret
        }

    assert holders("token-signing-key") == {"auth"}
    assert holders("password-pepper") == {"auth", "ivr"}


def test_pods_run_the_image_of_their_service_as_its_user(overlay: Overlay) -> None:
    user = re.search(r"^USER (\d+):", _image(), re.MULTILINE)
    ports = re.search(r"^EXPOSE (\d+) (\d+)", _image(), re.MULTILINE)

    assert user
    assert ports
    for pod in _ours(overlay):
        assert f"tsunagu/{pod.labels['app.kubernetes.io/name']}" in pod.containers[0]["image"], pod.name
        assert pod.spec["securityContext"]["runAsUser"] == int(user[1])
        given = {one["name"]: one["containerPort"] for one in pod.containers[0].get("ports", ())}
        assert given.items() <= {"http": int(ports[1]), "metrics": int(ports[2])}.items()


def test_web_processes_have_as_many_threads_as_in_the_embedded_stack(overlay: Overlay) -> None:
    given = {
        pod.labels["app.kubernetes.io/name"]: _environment(overlay, pod).get("WEB_THREADS")
        for pod in _ours(overlay)
        if pod.component in ("web", "gateway")
    }

    assert {name: int(threads) for name, threads in given.items() if threads} == WEB_THREADS


def test_the_version_is_the_projects(overlay: Overlay) -> None:
    version = tomllib.loads(REPOSITORY.text("pyproject.toml"))["project"]["version"]

    assert {pod.labels["app.kubernetes.io/version"] for pod in _ours(overlay)} == {version}


def test_every_topic_is_there_with_room_for_every_worker(prod: Overlay) -> None:
    partitions = {one["metadata"]["name"]: one["spec"]["partitions"] for one in prod.of("KafkaTopic")}
    owners = [service for service in SERVICES if events_of(service)]
    wanted = [
        name for owner in owners for name in (kafka.topic_of(owner), kafka.dead_letter_topic(kafka.topic_of(owner)))
    ]

    assert sorted(partitions) == sorted(wanted)
    for scaled in prod.of("ScaledObject"):
        topics = [trigger["metadata"]["topic"] for trigger in scaled["spec"]["triggers"]]
        assert scaled["spec"]["maxReplicaCount"] <= min(partitions[topic] for topic in topics), named(scaled)


def test_workers_are_scaled_by_topics_that_they_hear(prod: Overlay) -> None:
    for scaled in prod.of("ScaledObject"):
        service = scaled["spec"]["scaleTargetRef"]["name"].removesuffix("-worker")
        heard = {kafka.topic_of(owner) for owner in importlib.import_module(f"services.{service}.bootstrap").HEARD}
        asked = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
        assert {one["topic"] for one in asked} <= heard
        assert {one["consumerGroup"] for one in asked} == {service}


def test_what_is_scaled_by_others_says_no_number_of_its_own(prod: Overlay) -> None:
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in prod.of("ScaledObject", "HorizontalPodAutoscaler")}
    found = [one["metadata"]["name"] for one in prod.of("Deployment") if "replicas" in one["spec"]]

    assert scaled.isdisjoint(found)
    assert scaled | set(found) == {one["metadata"]["name"] for one in prod.of("Deployment")}


def test_references_lead_somewhere(overlay: Overlay) -> None:
    """To config maps and accounts of the overlay. `token-keys` is made with the secrets, as it changes with them."""
    there = {named(one) for one in overlay.objects} | {"ConfigMap/token-keys"}
    wanted = {f"ServiceAccount/{pod.spec['serviceAccountName']}" for pod in overlay.pods}
    wanted |= {
        f"ConfigMap/{one['configMapRef']['name']}"
        for pod in overlay.pods
        for container in pod.containers
        for one in container.get("envFrom", ())
    }
    wanted |= {
        f"ConfigMap/{one['configMap']['name']}" for pod in overlay.pods for one in _volumes(pod) if "configMap" in one
    }

    assert wanted <= there


def _volumes(pod: Pod) -> list[Object]:
    return list(pod.spec.get("volumes", ()))


def test_the_gateway_finds_every_service(overlay: Overlay) -> None:
    services = {one["metadata"]["name"] for one in overlay.of("Service")}
    gateway = next(pod for pod in _ours(overlay) if pod.component == "gateway")
    urls = {
        name: value
        for name, value in _environment(overlay, gateway).items()
        if name.endswith("_URL") and name != "SITE_URL"
    }

    assert {value.removeprefix("http://") for value in urls.values()} <= services
    assert {name.removesuffix("_URL").lower() for name in urls} == set(SERVICES)


def test_monitoring_has_a_route_of_its_own(prod: Overlay) -> None:
    routes = {
        one["metadata"]["name"]: one["spec"]["rules"][0]["matches"][0]["path"]["value"] for one in prod.of("HTTPRoute")
    }
    paths = importlib.import_module("gateway.routes")

    assert routes == {"site": "/", "ingest": f"{paths.PREFIX}/line-events"}
    assert "/line-events" in paths.ROUTES["linewatch"]
