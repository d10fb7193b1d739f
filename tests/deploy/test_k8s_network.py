"""Who may talk to whom: the policies of an overlay, evaluated for every pair of pods and every port."""

from collections.abc import Iterator

from devstack.rollout import EDGES, VICTIMS
from tests.deploy.manifests import Object, Overlay, Pod, matches

CONNECTION = tuple[str, str, int]
WEBS = ("auth", "ivr", "linewatch", "bulkforward", "voicewarp", "notify", "faxstore")
WEB_PORT, METRICS_PORT, MONGODB, KAFKA, SMTP = 8000, 9000, 27017, 9092, 1025


def _ports(pod: Pod) -> set[int]:
    return {port["containerPort"] for container in pod.containers for port in container.get("ports", ())}


def _passing(overlay: Overlay) -> Iterator[CONNECTION]:
    """Every connection that both ends allow, as sender, receiver, port."""
    for sender in overlay.pods:
        for receiver in overlay.pods:
            for port in sorted(_ports(receiver)):
                if _may(overlay, sender, receiver, port, "egress") and _may(overlay, receiver, sender, port, "ingress"):
                    yield _short(sender), _short(receiver), port


def _short(pod: Pod) -> str:
    return str(pod.workload["metadata"]["name"])


def _may(overlay: Overlay, whose: Pod, other: Pod, port: int, way: str) -> bool:
    policies = [
        one["spec"]
        for one in overlay.of("NetworkPolicy")
        if matches(one["spec"]["podSelector"], whose.labels) and way.capitalize() in one["spec"]["policyTypes"]
    ]
    return not policies or any(_allows(rule, other, port, way) for spec in policies for rule in spec.get(way, ()))


def _allows(rule: Object, other: Pod, port: int, way: str) -> bool:
    peers = rule.get("to" if way == "egress" else "from")
    ports = rule.get("ports")
    taken = not peers or any(
        matches(peer.get("podSelector", {}), other.labels)
        for peer in peers
        if "namespaceSelector" not in peer and "ipBlock" not in peer
    )
    return taken and (not ports or any(one["port"] <= port <= one.get("endPort", one["port"]) for one in ports))


def test_everything_is_closed_that_is_not_opened(overlay: Overlay) -> None:
    closed = [one["spec"] for one in overlay.of("NetworkPolicy") if one["metadata"]["name"] == "deny-all"]

    assert closed == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]


def test_the_edges_are_these_and_no_others(dev: Overlay) -> None:
    ours = [pod for pod in dev.pods if pod.component in ("web", "worker", "aside", "set-up")]
    wanted = {("gateway", f"{service}-web", WEB_PORT) for service in WEBS}
    wanted |= {(_short(pod), "mongodb", MONGODB) for pod in ours}
    wanted |= {(_short(pod), "kafka", KAFKA) for pod in ours if pod.component != "web"}
    wanted |= {("notify-aside", "mail", SMTP), ("kafka", "kafka", KAFKA), ("mongodb", "mongodb", MONGODB)}

    assert set(_passing(dev)) == wanted


def test_the_script_expects_what_the_policies_say(dev: Overlay) -> None:
    """`deploy/k8s/try` tries some of the edges for real; a Service's port stands for its pods'."""
    passing = set(_passing(dev))
    port = {80: WEB_PORT}

    for workload, address, may in EDGES:
        host, _, said = address.partition(":")
        receiver = host.partition(".")[0].removesuffix("-0")
        edge = (workload.partition("/")[2], receiver, port.get(int(said), int(said)))
        assert (edge in passing) is may, edge


def test_the_script_kills_what_is_there(dev: Overlay) -> None:
    assert set(VICTIMS) <= {_short(pod) for pod in dev.pods if pod.is_running}


def test_web_processes_are_reached_by_the_gateway_alone_and_reach_no_kafka(prod: Overlay) -> None:
    into = {sender for sender, receiver, port in _passing(prod) if receiver.endswith("-web") and port == WEB_PORT}
    allowed = [
        pod.name
        for pod in prod.pods
        for one in prod.of("NetworkPolicy")
        if one["metadata"]["name"] == "to-kafka" and matches(one["spec"]["podSelector"], pod.labels)
    ]

    assert into == {"gateway"}
    assert not [name for name in allowed if name.endswith("-web") or name == "Deployment/gateway"]


def test_from_outside_the_namespace_only_the_gateway_and_metrics_are_reached(overlay: Overlay) -> None:
    opened = {
        (_short(pod), port["port"])
        for pod in overlay.pods
        for one in overlay.of("NetworkPolicy")
        if matches(one["spec"]["podSelector"], pod.labels)
        for rule in one["spec"].get("ingress", ())
        for port in rule["ports"]
        if any("namespaceSelector" in peer for peer in rule["from"])
    }
    running = [pod for pod in overlay.pods if pod.component in ("gateway", "web", "worker", "aside")]

    assert opened == {("gateway", WEB_PORT)} | {(_short(pod), METRICS_PORT) for pod in running}


def test_mail_leaves_from_one_place(prod: Overlay) -> None:
    mailing = [
        one["spec"]["podSelector"] for one in prod.of("NetworkPolicy") if one["metadata"]["name"] == "to-mail-server"
    ]

    assert [_short(pod) for pod in prod.pods if matches(mailing[0], pod.labels)] == ["notify-aside"]


def test_everybody_can_look_up_names(overlay: Overlay) -> None:
    names = [one["spec"] for one in overlay.of("NetworkPolicy") if one["metadata"]["name"] == "names"]

    assert names[0]["podSelector"] == {}
    assert {(one["protocol"], one["port"]) for one in names[0]["egress"][0]["ports"]} == {("UDP", 53), ("TCP", 53)}
