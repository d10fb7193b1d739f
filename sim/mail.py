"""A mail server in memory, as the sender of one process reaches it."""

from collections import Counter
from dataclasses import dataclass, field

from services.notify.adapters import Answer
from services.notify.model.letters import Letter
from sim.world import Process, World


@dataclass
class MailServer:
    """What it has taken, in order. `refused` are addresses that do not exist; `mood` is how it is with all others.

    `allowed` counts for each letter how often it may be here beyond once: it was taken, and whoever sent it was not
    told or died before that was noted.
    """

    world: World
    taken: list[Letter] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    mood: str = "well"
    allowed: Counter[str] = field(default_factory=Counter)
    # Letters that are here, of which it is not noted yet, by the process that sent them.
    unnoted: dict[str, Process] = field(default_factory=dict)

    def noted(self, mail_id: str) -> None:
        self.unnoted.pop(mail_id, None)

    def died(self, process: Process) -> None:
        """Before it could note what it has sent."""
        theirs = [mail_id for mail_id, sender in self.unnoted.items() if sender is process]
        self.allowed.update(theirs)
        for mail_id in theirs:
            del self.unnoted[mail_id]


@dataclass(frozen=True)
class Mailer:
    """See `services.notify.adapters.Mailer`."""

    server: MailServer
    process: Process

    def send(self, letter: Letter) -> Answer:
        server, world = self.server, self.server.world
        world.point(self.process, f"mail {letter.mail_id}")
        if letter.to in server.refused:
            return Answer(False, True, "550 5.1.1 no such address", of_address=True)
        if server.mood == "busy":
            return Answer(False, False, "451 try again")
        if server.mood == "full":
            return Answer(False, True, "552 too large")
        server.taken.append(letter)
        if server.mood == "hangs up":
            server.allowed[letter.mail_id] += 1
            return Answer(False, False, "SMTPServerDisconnected")
        server.unnoted[letter.mail_id] = self.process
        world.point(self.process, f"taken {letter.mail_id}")
        return Answer(True, False, "250 kept")
