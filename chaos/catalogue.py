"""All faults: what each is, what is promised, and which function does it."""

from collections.abc import Callable
from dataclasses import dataclass

from chaos.faults import broker, database, edge, mail, messages, surroundings, workers
from chaos.ground import Ground
from chaos.load import LINES, Load


@dataclass(frozen=True)
class Fault:
    """`do` does it while the load goes on, and returns what is worth noting. The promise is kept beside I1 to I6."""

    number: int
    title: str
    promise: str
    do: Callable[[Ground, Load], list[str]]
    lines: int = LINES


FAULTS = (
    Fault(1, "Kafka killed (SIGKILL)", "reports are still taken; order of each line", broker.killed),
    Fault(2, "Kafka hangs for 60 s (SIGSTOP)", "no answer waits for it, no threads pile up", broker.hung),
    Fault(3, "Kafka's data wiped", "published again from the store", broker.wiped),
    Fault(4, "MongoDB killed in commits", "503 or 202, never a 202 that vanishes", database.killed),
    Fault(5, "MongoDB hangs for 30 s (SIGSTOP)", "503 with Retry-After; goes on without a restart", database.hung),
    Fault(6, "worker killed before its offset", "delivered again, no second effect", workers.dies_before_its_offset),
    Fault(7, "worker killed right after its effect", "effect and mark are one", workers.dies_before_anything_else),
    Fault(8, "relay killed before its place", "twice in the topic, one effect", workers.relay_dies_before_its_place),
    Fault(9, "two relays at once", "order of each line, one start", workers.two_relays),
    Fault(10, "every message three times", "one start, one mail", messages.three_times),
    Fault(11, "recovery before its fault, all scattered", "the late fault starts nothing", messages.shuffled),
    Fault(12, "a line flaps 1,000 times", "two mails, the right state", messages.flapping),
    Fault(13, "poison messages", "put aside with cause; the rest moves on; replay", messages.poison),
    Fault(14, "a bug meets one line", "the others are done, one dead letter", workers.has_a_bug, lines=500),
    Fault(15, "a consumer joins and leaves all the time", "goes on within 10 s", workers.rebalances_again_and_again),
    Fault(16, "a consumer comes back as a zombie", "no second effect", workers.comes_back_as_a_zombie),
    Fault(17, "SMTP slow, 4xx, 5xx, drops, greylists", "forwarding goes on; 5xx is held back", mail.has_moods),
    Fault(18, "SMTP gone", "the queue is kept, all goes out", mail.is_gone),
    Fault(
        19,
        "SIGTERM with requests in flight",
        "what was taken is answered; nothing breaks off behind the edge",
        edge.told_to_end_with_requests_in_flight,
    ),
    Fault(20, "disk full, MongoDB's and Kafka's", "503, nothing half done, goes on when freed", surroundings.disk_full),
    Fault(21, "clock +1 h, then -1 h", "order by sequence, not by time", surroundings.clock_jumps),
    Fault(22, "no files left, a crowd comes", "no deadlock, goes on afterwards", edge.files_run_short),
    Fault(
        23, "500 ms, resets, half-open everywhere", "timeouts everywhere, nothing lost", surroundings.bad_network, 60
    ),
    Fault(24, "broken CSV files", "row-numbered errors; all of a file or nothing", edge.broken_files),
    Fault(25, "a known id with another body", "duplicate, changes nothing; 409 to an editor", messages.same_id),
    Fault(26, "events of yesterday and tomorrow", "both are read", messages.old_and_new_schemas),
    Fault(27, "spoiled snapshot, lost rows", "passed over; rebuilt", surroundings.spoiled_on_disk),
    Fault(28, "everything twice, then half is well", "counts are exact", messages.double_storm, lines=500),
    Fault(29, "a customer acts in the storm", "what he wants wins", edge.hands_in_the_storm),
    Fault(30, "every process is rolled", "at most 1.15 times as long; nobody fails", edge.rolled_out),
)
# Those that tests/e2e has no story of, and that are over soon.
SHORT = (7, 9, 10, 11, 26, 29)
