"""Mistakes that somebody could make, as changes of the sources: with any of them the simulator must find a seed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """A text of a file, which stands there once, and what to put in its place."""

    file: str
    before: str
    after: str

    def make(self, root: Path) -> None:
        path = root / self.file
        text = path.read_text()
        if text.count(self.before) != 1:
            raise LookupError(f"{self.file} has this {text.count(self.before)} times: {self.before!r}")
        path.write_text(text.replace(self.before, self.after))


@dataclass(frozen=True)
class Breakage:
    """A mistake, and how the complaints about it may begin, of which a seed that it breaks has at least one."""

    name: str
    changes: tuple[Change, ...]
    found: tuple[str, ...]


def _one(name: str, file: str, before: str, after: str, *found: str) -> Breakage:
    return Breakage(name, (Change(file, before, after),), found)


_PLAN, _VIEWS, _TASKS = "services/bulkforward/model.py", "chassis/views.py", "services/notify/tasks.py"

BREAKAGES = (
    _one(
        "a relay that saves its place before the acknowledgement",
        "chassis/relay.py",
        "                    publisher.publish(batch.events)\n",
        "                    self._save(publisher, batch.token, True, at_once=True)\n"
        "                    publisher.publish(batch.events)\n",
        "I1",
        "it does not come to rest",
    ),
    _one(
        "a relay that believes a place of a Kafka that is gone",
        "chassis/relay.py",
        'if saved is None or saved["cluster"] != publisher.cluster:',
        "if saved is None:",
        "I1",
        "it does not come to rest",
    ),
    _one(
        "a consumer that commits before the effect",
        "chassis/consumer.py",
        "            records = gathering.take()\n",
        "            records = gathering.take()\n            self._commit(consumer, gathering.moved(), cluster)\n",
        "I",
    ),
    Breakage(
        "a consumer that does not ask whether it knows a command",
        (
            Change(
                "chassis/memory_store.py", "if any(command in self._seen for command in commit.command_ids):", "if 0:"
            ),
            Change(
                "chassis/handling.py",
                "if order.command_id in known.command_ids or order.command_id in decided:",
                "if order.command_id in decided:",
            ),
        ),
        ("I", "it does not come to rest"),
    ),
    _one(
        "a lost race that is taken for won",
        "chassis/handling.py",
        "newest = isinstance(next(answers), Appended) if plan.commit",
        "newest = bool(next(answers)) if plan.commit",
        "I",
        "it cannot be checked",
        "a task ended",
    ),
    _one(
        "an offset that is told once and for all",
        "chassis/gathering.py",
        "            self._told.pop(partition, None)\n",
        "",
        "it does not come to rest",
    ),
    _one(
        "a recovery that stops what a customer started",
        _PLAN,
        'if plan.running.cause == "manual":',
        'if plan.running.cause == "nobody":',
        "I2",
        "I3",
    ),
    _one(
        "a stop by hand that the same fault undoes",
        _PLAN,
        "return replace(plan, running=None, fault=_answered(plan.fault))",
        "return replace(plan, running=None, fault=None)",
        "I2",
        "I3",
    ),
    _one(
        "a late fault that starts forwarding",
        _PLAN,
        "if command.sequence <= plan.line_sequence or not _is_news(command, plan.fault):",
        "if not _is_news(command, plan.fault):",
        "I2",
        "I3",
    ),
    _one(
        "a late report that raises",
        "services/linewatch/model/line.py",
        '        return "older-than-recovery"\n',
        "        return None\n",
        "I3",
    ),
    _one(
        "a fold that does not look at the revision",
        _VIEWS,
        'if seen.get(recorded.stream, "") >= recorded.sequence:',
        'if seen.get(recorded.stream, "") >= "X":',
        "I3",
        "I6",
    ),
    _one(
        "a mail whose id is another at each try",
        _TASKS,
        "answer = self.mailer.send(_letter(queued, due.post, self.site_url))",
        "tries = due.mails[id].attempts\n"
        "        letter = _letter(queued, due.post, self.site_url)\n"
        "        answer = self.mailer.send(Letter(*(id + '.' * tries, *list(vars(letter).values())[1:])))",
        "I4",
    ),
    _one(
        "a sender that notes a mail before it has sent it",
        _TASKS,
        "answer = self.mailer.send(_letter(queued, due.post, self.site_url))",
        "self._note(due.post.rows, _sent('soon'), going)\n"
        "        answer = self.mailer.send(_letter(queued, due.post, self.site_url))",
        "I4",
    ),
    _one(
        "a clock of ours that makes reports look old when it is set back",
        "services/linewatch/model/line.py",
        "ours = max(command.received, line.newest or command.received)",
        "ours = command.received",
        "I3",
    ),
    _one(
        "a notice that tells again whenever it is looked at",
        "services/notify/model/notice.py",
        'if "fault" not in incident.told and (',
        "if (",
        "I4",
    ),
    _one(
        "a reader that makes the topics of a Kafka that forgot them",
        "chassis/assembly.py",
        '    return {"consumer": consumer.run}\n',
        "    def consume(going: Callable[[], bool]) -> None:\n"
        "        ground.clients.topics(ground.servers, parts.heard)\n"
        "        consumer.run(going)\n\n"
        '    return {"consumer": consume}\n',
        "I5",
    ),
)
