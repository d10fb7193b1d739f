"""What a mail says. The same facts give the same words, so a mail that is sent twice is the same mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal, assert_never

from contracts import phone
from contracts.notify import FaxMailQueued, ForwardingResult, IncomingMailQueued, MailQueued, TrialMailQueued
from contracts.voicewarp import CallOutcome
from services.notify.model.drill import DrillMailQueued

# Japan has one time zone and no summer time.
TOKYO = timezone(timedelta(hours=9), "JST")
_WEEKDAYS = "月火水木金土日"


@dataclass(frozen=True)
class Letter:
    """A plain-text mail. Ids are without angle brackets; `answers` are the mails that it replies to."""

    mail_id: str
    to: str
    subject: str
    body: str
    queued_at: datetime
    answers: tuple[str, ...]


_FAULT: dict[ForwardingResult, str] = {
    "started": "一括転送を自動で開始しました（{entries}件）。登録された番号への電話は、転送先へつながります。",
    "running": "一括転送は、すでに開始されています。登録された番号への電話は、転送先へつながります。",
    "not-running": "一括転送は開始していません（{reason}）。",
    "unknown": "一括転送の状態は、設定サイトでご確認ください。",
}
_RECOVERY: dict[ForwardingResult, str] = {
    "stopped": "一括転送を自動で停止しました。電話は、いつもの電話機で鳴ります。",
    "running": "一括転送は続いています（{reason}）。停止するときは、設定サイトで停止してください。",
    "not-running": "一括転送は行っていません。",
    "unknown": "一括転送の状態は、設定サイトでご確認ください。",
}
_REASONS = {
    "already-running": "すでに転送中です",
    "no-entries": "転送先が登録されていません",
    "switched-off": "自動開始・自動停止が「停止」に設定されています",
    "not-contracted": "一括転送機能のご契約がありません",
    "minor-fault": "軽い故障のため",
    "started-by-hand": "お客さまが開始した転送のため",
}


_OUTCOMES: dict[CallOutcome, str] = {
    "answered": "応答しました",
    "no-answer": "応答がありませんでした",
    "busy": "話し中でした",
    "forwarded": "転送しました",
}
# Whatever the mail is about: the events that owe one.
Owed = MailQueued | IncomingMailQueued | TrialMailQueued | DrillMailQueued | FaxMailQueued
Kind = Literal["fault", "recovery", "incoming", "fax", "test", "drill"]


def kind_of(mail: Owed) -> Kind:
    match mail:
        case MailQueued(kind=kind):
            return kind
        case IncomingMailQueued():
            return "incoming"
        case TrialMailQueued():
            return "test"
        case DrillMailQueued():
            return "drill"
        case FaxMailQueued():
            return "fax"
        case _:
            assert_never(mail)


def letter_of(mail: Owed, queued_at: datetime, site_url: str, answers: tuple[str, ...] = ()) -> Letter:
    """The mail to send for what was queued."""
    match mail:
        case MailQueued():
            subject, lines = _fault_subject(mail, mail.site), _fault_lines(mail)
        case IncomingMailQueued():
            subject, lines = _call_subject(mail), _call_lines(mail)
        case TrialMailQueued():
            subject, lines = _trial_subject(mail), _trial_lines(mail)
        case DrillMailQueued():
            subject, lines = _drill_subject(mail), _drill_lines(mail)
        case FaxMailQueued():
            subject, lines = _fax_subject(mail), _fax_lines(mail, site_url)
        case _:
            assert_never(mail)
    return _letter(mail, queued_at, site_url, answers, subject, lines)


def letter_of_many(
    mails: Sequence[MailQueued], queued_at: datetime, site_url: str, answers: tuple[str, ...] = ()
) -> Letter:
    """One letter about several lines of a contractor, under the id of the first."""
    first = mails[0]
    happened = "故障を検知しました" if first.kind == "fault" else "回復を確認しました"
    lines = [
        *([f"{first.contractor} 様", ""] if first.contractor else []),
        f"ご契約の{len(mails)}回線の{happened}。",
        *(
            line
            for mail in mails
            for line in ("", f"■ {_line_name(mail)}", *_times(mail), *_unstable(mail), _forwarding(mail))
        ),
    ]
    return _letter(first, queued_at, site_url, answers, _fault_subject(first, f"{len(mails)}回線"), lines)


def _paragraph(mail: MailQueued) -> list[str]:
    return ["", f"■ {_line_name(mail)}", *_times(mail), *_unstable(mail), _forwarding(mail)]


def _letter(
    mail: Owed, queued_at: datetime, site_url: str, answers: tuple[str, ...], subject: str, lines: list[str]
) -> Letter:
    body = "\n".join([*lines, *_ending(site_url)])
    return Letter(mail.mail_id, mail.address, f"【つなぐ】{_in_one_line(subject)}", body, queued_at, answers)


def _ending(site_url: str) -> list[str]:
    return [
        "",
        f"設定サイト：{site_url}",
        "",
        "このメールは自動でお送りしています。ご返信いただいてもお答えできません。",
        "",
    ]


def _fault_subject(mail: MailQueued, where: str) -> str:
    subject = "回線の故障のお知らせ" if mail.kind == "fault" else "回線の回復のお知らせ"
    return subject + (f"（{where}）" if where else "")


def _line_name(mail: MailQueued) -> str:
    number = phone.shown(mail.contract_number)
    return f"{mail.site}（{number}）" if mail.site else number


def _times(mail: MailQueued) -> list[str]:
    until = [f"回復した日時　：{japanese_time(mail.until)}"] if mail.until else []
    return [f"発生した日時　：{japanese_time(mail.since)}", *until]


def _unstable(mail: MailQueued) -> list[str]:
    if not mail.unstable:
        return []
    if mail.kind == "fault":
        return ["回線が不安定で、つながったり切れたりしています。落ち着くまで、次のお知らせはお送りしません。"]
    return ["この間、回線は不安定で、つながったり切れたりしていました。"]


def _fault_lines(mail: MailQueued) -> list[str]:
    happened = "ご契約の回線の故障を検知しました。" if mail.kind == "fault" else "ご契約の回線が回復しました。"
    return [
        *([f"{mail.contractor} 様", ""] if mail.contractor else []),
        happened,
        "",
        *([f"場所　　　　　：{mail.site}"] if mail.site else []),
        f"お客様電話番号：{phone.shown(mail.contract_number)}",
        *_times(mail),
        *_unstable(mail),
        "",
        "■ 一括転送",
        _forwarding(mail),
    ]


def _forwarding(mail: MailQueued) -> str:
    words = _FAULT if mail.kind == "fault" else _RECOVERY
    template = words.get(mail.forwarding, words["unknown"])
    return template.format(entries=mail.entries, reason=_REASONS.get(mail.reason, mail.reason))


def _trial_subject(mail: TrialMailQueued) -> str:
    return "【テスト】故障・回復通知の送信テスト" + (f"（{mail.site}）" if mail.site else "")


def _trial_lines(mail: TrialMailQueued) -> list[str]:
    return [
        *([f"{mail.contractor} 様", ""] if mail.contractor else []),
        "これは送信テストです。回線の故障は起きていません。",
        "",
        *([f"場所　　　　　：{mail.site}"] if mail.site else []),
        f"お客様電話番号：{phone.shown(mail.contract_number)}",
        "",
        "回線の故障や回復を検知したときは、このアドレスへメールでお知らせします。",
        "このメールが届いていれば、していただくことはありません。",
    ]


def _drill_subject(mail: DrillMailQueued) -> str:
    return f"【試験】監視システムからの{'故障' if mail.faulted else '回復'}の知らせ（{mail.source}）"


def _drill_lines(mail: DrillMailQueued) -> list[str]:
    return [
        "監視システムから試験の知らせが届きました。回線の状態、一括転送、お客さまへの通知は変わりません。",
        "",
        f"監視システム　：{_in_one_line(mail.source)}",
        f"知らせ　　　　：{'故障' if mail.faulted else '回復'}（{mail.severity}）",
        f"お客様電話番号：{phone.shown(mail.contract_number)}",
        f"日時　　　　　：{japanese_time(mail.occurred_at)}",
        *([f"内容　　　　　：{_in_one_line(mail.cause)}"] if mail.cause else []),
    ]


def _call_subject(mail: IncomingMailQueued) -> str:
    return f"着信のお知らせ：{_caller(mail)}（{_OUTCOMES[mail.outcome]}）"


def _call_lines(mail: IncomingMailQueued) -> list[str]:
    return [
        f"{phone.shown(mail.called)} に電話がありました。",
        "",
        f"着信した日時　：{japanese_time(mail.received_at)}",
        f"着信した番号　：{phone.shown(mail.called)}",
        f"電話をかけた方：{_caller(mail)}",
        f"結果　　　　　：{_OUTCOMES[mail.outcome]}",
        *([f"転送先　　　　：{phone.shown(mail.forwarded_to)}"] if mail.forwarded_to else []),
        "",
        _what_to_do(mail),
        "このお知らせの停止や、お知らせする電話の変更は、設定サイトでできます。",
    ]


def _caller(mail: IncomingMailQueued) -> str:
    label = f" {_in_one_line(mail.label)}" if mail.caller and mail.label else ""
    return _number_or_withheld(mail.caller) + label


def _number_or_withheld(caller: str | None) -> str:
    return "非通知" if caller is None else phone.shown(caller)


def _fax_subject(mail: FaxMailQueued) -> str:
    return f"FAX受信のお知らせ：{_number_or_withheld(mail.caller)}（{mail.pages}ページ）"


def _fax_lines(mail: FaxMailQueued, site_url: str) -> list[str]:
    """The link shows nothing to whoever is not logged in: a mail may be forwarded."""
    return [
        f"{phone.shown(mail.number)} でFAXを受信しました。",
        "",
        f"受信した日時　：{japanese_time(mail.received_at)}",
        f"受信した番号　：{phone.shown(mail.number)}",
        f"送信元の番号　：{_number_or_withheld(mail.caller)}",
        f"ページ数　　　：{mail.pages}",
        "",
        "次のページにログインすると、FAXの内容を確認できます。",
        f"{site_url.rstrip('/')}/numbers/{mail.number}/faxes/{mail.fax_id}",
    ]


def _what_to_do(mail: IncomingMailQueued) -> str:
    match mail.outcome:
        case "answered":
            return "電話はつながりました。していただくことはありません。"
        case "forwarded":
            return "電話は転送先へ回しました。転送の停止や転送先の変更は、設定サイトでできます。"
        case "no-answer" | "busy":
            if mail.caller is None:
                return "番号が通知されていないため、こちらから折り返すことはできません。"
            return f"折り返すときは、{phone.shown(mail.caller)} へお電話ください。"
        case _:
            assert_never(mail.outcome)


def _in_one_line(text: str) -> str:
    """What comes from elsewhere ends no line, and no header of the mail."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def japanese_time(at: datetime) -> str:
    """2026年11月23日（月）15:04, in Japan's time."""
    local = at.astimezone(TOKYO)
    return f"{local.year}年{local.month}月{local.day}日（{_WEEKDAYS[local.weekday()]}）{local:%H:%M}"
