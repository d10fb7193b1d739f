"""Where a call goes: one pure function over what is known of the number, and the words for its answer.

The order of the rules (spec section 4): bulk forwarding comes before VoiceWarp and asks for no caller; then the select
function says whose calls VoiceWarp forwards; then its mode says when.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import assert_never

from contracts.phone import shown
from contracts.voicewarp import Mode, Reason, Step
from services.voicewarp.model.setting import Setting

RING = Step("ring")
_JAPAN = timezone(timedelta(hours=9))
_REASONS: dict[Mode, Reason] = {
    "unconditional": "voicewarp-unconditional",
    "no-answer": "voicewarp-no-answer",
    "busy": "voicewarp-busy",
    "no-answer-or-busy": "voicewarp-no-answer-or-busy",
}


@dataclass(frozen=True)
class Decision:
    """What the switch does now and, where the telephone rings, what it does when nobody can or does answer."""

    now: Step
    on_busy: Step | None
    on_no_answer: Step | None
    reason: Reason


@dataclass(frozen=True)
class Question:
    """What is asked in words: for which instant, if not now, and whether that was in the past."""

    number: str
    caller: str | None
    at: datetime | None = None
    past: bool = False


def route(setting: Setting, bulk: str | None, caller: str | None) -> Decision:
    """The way of a call. `bulk` is where running bulk forwarding sends the number; `caller` None is anonymous."""
    if not setting.contract_number:
        return _ring("unknown-number")
    if bulk:
        return Decision(Step("forward", bulk), None, None, "bulk-forward")
    if not (setting.started and setting.contracted and setting.destination):
        return _ring("not-forwarded")
    if reason := _why_it_rings(setting, caller):
        return _ring(reason)
    return _forwarded(setting, setting.destination)


def _ring(reason: Reason) -> Decision:
    return Decision(RING, None, None, reason)


def _why_it_rings(setting: Setting, caller: str | None) -> Reason | None:
    """Why the select function keeps the call from being forwarded; None when it does not."""
    if setting.select == "off":
        return None
    if caller is None:
        return "caller-anonymous"
    listed = any(caller == one.number for one in setting.callers)
    match setting.select:
        case "forward-registered":
            return None if listed else "caller-not-registered"
        case "ring-registered":
            return "caller-registered" if listed else None
        case _:
            assert_never(setting.select)


def _forwarded(setting: Setting, to: str) -> Decision:
    at_once, later = Step("forward", to), Step("forward", to, setting.ring_seconds)
    reason = _REASONS[setting.mode]
    match setting.mode:
        case "unconditional":
            return Decision(at_once, None, None, reason)
        case "busy":
            return Decision(RING, at_once, None, reason)
        case "no-answer":
            return Decision(RING, None, later, reason)
        case "no-answer-or-busy":
            return Decision(RING, at_once, later, reason)
        case _:
            assert_never(setting.mode)


def sentence(decision: Decision, question: Question) -> tuple[str, str]:
    """The decision for people, in Japanese and English."""
    ja, en = _ends(decision)
    when_ja, when_en = _when(question)
    from_ja, from_en = _from(decision, question.caller)
    number = shown(question.number)
    return (
        f"{when_ja}{from_ja}{number} に電話がかかると、{ja}",
        f"{when_en}{from_en} to {number} {en}",
    )


def _when(question: Question) -> tuple[str, str]:
    if question.at is None:
        return "いま ", "Now, a call"
    at = question.at.astimezone(_JAPAN)
    ja, en = f"{at.year}年{at.month}月{at.day}日{at:%H:%M}", f"{at:%b} {at.day}, {at:%Y, %H:%M} (Japan)"
    if question.past:
        return f"{ja}の設定では、", f"As it was set on {en}, a call"
    return f"いまの設定のままなら、{ja}に ", f"As it is set now, on {en} a call"


def _from(decision: Decision, caller: str | None) -> tuple[str, str]:
    """The caller, where the decision asked for one."""
    if decision.reason == "caller-anonymous":
        return "番号を通知しない相手から ", " from a withheld number"
    if caller is None or decision.reason in ("bulk-forward", "not-forwarded", "unknown-number"):
        return "", ""
    return f"{shown(caller)} から ", f" from {shown(caller)}"


def _ends(decision: Decision) -> tuple[str, str]:
    match decision.reason:
        case "bulk-forward":
            to = _to(decision.now)
            return f"一括転送により、すぐに {to} へ転送されます", f"is forwarded at once to {to}, by bulk forwarding"
        case "voicewarp-unconditional":
            to = _to(decision.now)
            return f"すぐに {to} へ転送されます", f"is forwarded to {to} at once"
        case "voicewarp-busy":
            to = _to(decision.on_busy)
            return (
                f"話し中ならすぐに {to} へ転送されます。話し中でなければ転送されずに鳴ります",
                f"is forwarded to {to} when the line is busy, and rings otherwise",
            )
        case "voicewarp-no-answer":
            to, seconds = _to(decision.on_no_answer), _seconds(decision)
            return (
                f"まず鳴り、{seconds}秒出ないと {to} へ転送されます",
                f"rings, and is forwarded to {to} when nobody answers within {seconds} seconds",
            )
        case "voicewarp-no-answer-or-busy":
            to, seconds = _to(decision.on_no_answer), _seconds(decision)
            return (
                f"話し中ならすぐに、話し中でなければ{seconds}秒出ないときに {to} へ転送されます",
                f"is forwarded to {to} when the line is busy or nobody answers within {seconds} seconds",
            )
        case "caller-not-registered":
            return "登録されていない番号なので、転送されずに鳴ります", "rings, as the caller is not on the list"
        case "caller-registered":
            return "登録されている番号なので、転送されずに鳴ります", "rings, as the caller is on the list"
        case "caller-anonymous":
            return "転送されずに鳴ります", "rings"
        case "not-forwarded":
            return "転送されずに鳴ります", "rings"
        case "unknown-number":
            return "契約のない番号なので、転送されずに鳴ります", "rings, as no contract has the number"
        case _:
            assert_never(decision.reason)


def _to(step: Step | None) -> str:
    return shown(step.to) if step and step.to else ""


def _seconds(decision: Decision) -> int:
    return (decision.on_no_answer.after_seconds if decision.on_no_answer else None) or 0
