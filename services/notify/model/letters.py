"""What a mail says. The same facts give the same words, so a mail that is sent twice is the same mail."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from contracts import phone
from contracts.notify import ForwardingResult, MailQueued

# Japan has one time zone and no summer time.
TOKYO = timezone(timedelta(hours=9), "JST")
_WEEKDAYS = "月火水木金土日"


@dataclass(frozen=True)
class Letter:
    """A plain-text mail. Ids are without angle brackets; `answers` is the mail that it replies to."""

    mail_id: str
    to: str
    subject: str
    body: str
    queued_at: datetime
    answers: str | None


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


def letter_of(mail: MailQueued, queued_at: datetime, site_url: str) -> Letter:
    """The mail to send for what was queued."""
    subject = "回線の故障のお知らせ" if mail.kind == "fault" else "回線の回復のお知らせ"
    place = f"（{mail.site}）" if mail.site else ""
    body = "\n".join(_lines(mail, site_url))
    return Letter(mail.mail_id, mail.address, f"【つなぐ】{subject}{place}", body, queued_at, mail.answers)


def _lines(mail: MailQueued, site_url: str) -> list[str]:
    happened = "ご契約の回線の故障を検知しました。" if mail.kind == "fault" else "ご契約の回線が回復しました。"
    until = [f"回復した日時　：{japanese_time(mail.until)}"] if mail.until else []
    return [
        *([f"{mail.contractor} 様", ""] if mail.contractor else []),
        happened,
        "",
        *([f"場所　　　　　：{mail.site}"] if mail.site else []),
        f"お客様電話番号：{phone.shown(mail.contract_number)}",
        f"発生した日時　：{japanese_time(mail.since)}",
        *until,
        "",
        "■ 一括転送",
        _forwarding(mail),
        "",
        f"設定サイト：{site_url}",
        "",
        "このメールは自動でお送りしています。ご返信いただいてもお答えできません。",
        "",
    ]


def _forwarding(mail: MailQueued) -> str:
    words = _FAULT if mail.kind == "fault" else _RECOVERY
    template = words.get(mail.forwarding, words["unknown"])
    return template.format(entries=mail.entries, reason=_REASONS.get(mail.reason, mail.reason))


def japanese_time(at: datetime) -> str:
    """2026年11月23日（月）15:04, in Japan's time."""
    local = at.astimezone(TOKYO)
    return f"{local.year}年{local.month}月{local.day}日（{_WEEKDAYS[local.weekday()]}）{local:%H:%M}"
