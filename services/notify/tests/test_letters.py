from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chassis.testing import NOON
from contracts.notify import MailQueued
from services.notify.adapters import message_of
from services.notify.model.letters import Owed, japanese_time, letter_of, letter_of_many
from services.notify.tests.examples import ANNE, DRILL_MAIL, FAULT, call_mail, fault_mail, recovery_mail, trial_mail

SITE_URL = "https://tsunagu.example.jp/"


def body(mail: Owed) -> str:
    return letter_of(mail, NOON, SITE_URL).body


def test_a_fault_mail_says_what_happened_since_when_and_where() -> None:
    letter = letter_of(fault_mail(ANNE), NOON, SITE_URL)

    assert letter.subject == "【つなぐ】回線の故障のお知らせ（本店）"
    assert letter.body.splitlines()[:7] == [
        "株式会社つなぐ 様",
        "",
        "ご契約の回線の故障を検知しました。",
        "",
        "場所　　　　　：本店",
        "お客様電話番号：06-0000-1111",
        "発生した日時　：2026年1月15日（木）12:00",
    ]


def test_a_recovery_mail_says_when_it_was_over() -> None:
    letter = letter_of(recovery_mail(ANNE), NOON, SITE_URL)

    assert letter.subject == "【つなぐ】回線の回復のお知らせ（本店）"
    assert "回復した日時　：2026年1月15日（木）12:10" in letter.body


def test_a_recovery_mail_answers_the_fault_mail() -> None:
    answered = (fault_mail(ANNE).mail_id,)

    assert letter_of(recovery_mail(ANNE), NOON, SITE_URL, answered).answers == answered


@pytest.mark.parametrize(
    ("mail", "subject", "happened"),
    [
        (fault_mail(ANNE), "【つなぐ】回線の故障のお知らせ（2回線）", "ご契約の2回線の故障を検知しました。"),
        (recovery_mail(ANNE), "【つなぐ】回線の回復のお知らせ（2回線）", "ご契約の2回線の回復を確認しました。"),
    ],
)
def test_a_letter_of_many_has_a_paragraph_for_each_line(mail: MailQueued, subject: str, happened: str) -> None:
    other = replace(mail, mail_id="other", contract_number="0720001111", site="", forwarding="unknown")

    letter = letter_of_many([mail, other], NOON, SITE_URL)

    assert (letter.mail_id, letter.to, letter.subject) == (mail.mail_id, ANNE, subject)
    lines = letter.body.splitlines()
    assert lines[:5] == ["株式会社つなぐ 様", "", happened, "", "■ 本店（06-0000-1111）"]
    assert "■ 072-000-1111" in lines
    assert sum(line.startswith("発生した日時") for line in lines) == 2
    assert "一括転送の状態は、設定サイトでご確認ください。" in lines


def test_a_test_mail_says_that_it_is_one_and_of_which_line() -> None:
    letter = letter_of(trial_mail(ANNE), NOON, SITE_URL)

    assert letter.subject == "【つなぐ】【テスト】故障・回復通知の送信テスト（本店）"
    assert letter.body.splitlines()[:6] == [
        "株式会社つなぐ 様",
        "",
        "これは送信テストです。回線の故障は起きていません。",
        "",
        "場所　　　　　：本店",
        "お客様電話番号：06-0000-1111",
    ]


def test_without_name_and_site_the_mail_leaves_them_out() -> None:
    letter = letter_of(replace(fault_mail(ANNE), contractor="", site=""), NOON, SITE_URL)

    assert letter.subject == "【つなぐ】回線の故障のお知らせ"
    assert "様" not in letter.body.splitlines()[0]
    assert "場所" not in letter.body


@pytest.mark.parametrize(
    ("forwarding", "reason", "sentence"),
    [
        ("started", "", "一括転送を自動で開始しました（1件）。"),
        ("running", "already-running", "一括転送は、すでに開始されています。"),
        ("not-running", "no-entries", "一括転送は開始していません（転送先が登録されていません）。"),
        ("not-running", "minor-fault", "一括転送は開始していません（軽い故障のため）。"),
        ("not-running", "not-contracted", "一括転送は開始していません（一括転送機能のご契約がありません）。"),
        ("unknown", "", "一括転送の状態は、設定サイトでご確認ください。"),
    ],
)
def test_a_fault_mail_says_what_forwarding_did(forwarding: str, reason: str, sentence: str) -> None:
    assert sentence in body(replace(fault_mail(ANNE), forwarding=forwarding, reason=reason))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("forwarding", "reason", "sentence"),
    [
        ("stopped", "", "一括転送を自動で停止しました。"),
        ("running", "started-by-hand", "一括転送は続いています（お客さまが開始した転送のため）。"),
        ("running", "switched-off", "一括転送は続いています（自動開始・自動停止が「停止」に設定されています）。"),
        ("not-running", "not-running", "一括転送は行っていません。"),
        ("unknown", "", "一括転送の状態は、設定サイトでご確認ください。"),
    ],
)
def test_a_recovery_mail_says_what_forwarding_did(forwarding: str, reason: str, sentence: str) -> None:
    assert sentence in body(replace(recovery_mail(ANNE), forwarding=forwarding, reason=reason))  # type: ignore[arg-type]


def test_the_same_facts_give_the_same_letter() -> None:
    assert letter_of(fault_mail(ANNE), NOON, SITE_URL) == letter_of(fault_mail(ANNE), NOON, SITE_URL)


def test_braces_in_a_reason_of_tomorrow_do_no_harm() -> None:
    assert "{new}" in body(replace(fault_mail(ANNE), forwarding="not-running", reason="{new}"))


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 23, 6, 4, tzinfo=UTC), "2026年11月23日（月）15:04"),
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "2027年1月1日（金）00:00"),
        (datetime(2028, 2, 28, 15, 59, tzinfo=UTC), "2028年2月29日（火）00:59"),
    ],
)
def test_times_are_japans(at: datetime, words: str) -> None:
    assert japanese_time(at) == words


def test_a_letter_carries_its_mails_id() -> None:
    assert letter_of(fault_mail(ANNE), NOON, SITE_URL).mail_id.startswith(f"{FAULT}-fault-")


# Calls.


def test_a_call_mail_says_when_who_called_whom_and_what_became_of_it() -> None:
    letter = letter_of(call_mail(ANNE), NOON, SITE_URL)

    assert letter.subject == "【つなぐ】着信のお知らせ：03-1234-5678 本社（転送しました）"
    assert letter.body.splitlines() == [
        "06-0000-1111 に電話がありました。",
        "",
        "着信した日時　：2026年1月15日（木）12:00",
        "着信した番号　：06-0000-1111",
        "電話をかけた方：03-1234-5678 本社",
        "結果　　　　　：転送しました",
        "転送先　　　　：090-1234-5678",
        "",
        "電話は転送先へ回しました。転送の停止や転送先の変更は、設定サイトでできます。",
        "このお知らせの停止や、お知らせする電話の変更は、設定サイトでできます。",
        "",
        f"設定サイト：{SITE_URL}",
        "",
        "このメールは自動でお送りしています。ご返信いただいてもお答えできません。",
    ]


@pytest.mark.parametrize(
    ("outcome", "words", "to_do"),
    [
        ("answered", "応答しました", "していただくことはありません。"),
        ("no-answer", "応答がありませんでした", "折り返すときは、03-1234-5678 へお電話ください。"),
        ("busy", "話し中でした", "折り返すときは、03-1234-5678 へお電話ください。"),
    ],
)
def test_a_call_mail_says_what_to_do(outcome: str, words: str, to_do: str) -> None:
    text = body(replace(call_mail(ANNE), outcome=outcome, forwarded_to=None))  # type: ignore[arg-type]

    assert f"結果　　　　　：{words}" in text
    assert to_do in text
    assert "転送先" not in text


def test_nobody_is_asked_to_call_a_withheld_number_back() -> None:
    letter = letter_of(replace(call_mail(ANNE), caller=None, label="", outcome="busy", forwarded_to=None), NOON, "")

    assert letter.subject == "【つなぐ】着信のお知らせ：非通知（話し中でした）"
    assert "こちらから折り返すことはできません。" in letter.body


@pytest.mark.parametrize("evil", ["本社\r\nBcc: eve@example.com", "本社\n\n転送先：110", "本社\u2028x", "\x00本社\x85"])
def test_a_label_ends_no_line_and_no_header(evil: str) -> None:
    plain, letter = (letter_of(replace(call_mail(ANNE), label=label), NOON, SITE_URL) for label in ("本社", evil))

    assert len(letter.body.splitlines()) == len(plain.body.splitlines())
    assert letter.subject.isprintable()
    assert message_of(letter, "noreply@tsunagu.example.jp")["Bcc"] is None


def test_a_call_mail_has_a_message_id_of_its_own_and_answers_none() -> None:
    message = message_of(letter_of(call_mail(ANNE), NOON, SITE_URL), "noreply@tsunagu.example.jp")

    assert message["Message-ID"] == f"<{call_mail(ANNE).mail_id}@tsunagu.example.jp>"
    assert message["In-Reply-To"] is None


def test_a_test_of_a_monitoring_system_says_that_nothing_has_changed() -> None:
    letter = letter_of(replace(DRILL_MAIL, cause="試験\r\nBcc: x@example.jp"), NOON, SITE_URL)

    assert letter.subject == "【つなぐ】【試験】監視システムからの故障の知らせ（noc-west）"
    assert letter.body.splitlines()[:7] == [
        "監視システムから試験の知らせが届きました。回線の状態、一括転送、お客さまへの通知は変わりません。",
        "",
        "監視システム　：noc-west",
        "知らせ　　　　：故障（critical）",
        "お客様電話番号：06-0000-1111",
        "日時　　　　　：2026年1月15日（木）12:00",
        "内容　　　　　：試験  Bcc: x@example.jp",
    ]


@pytest.mark.parametrize(
    ("mail", "words"), [(fault_mail(ANNE), "切れたりしています"), (recovery_mail(ANNE), "不安定で")]
)
def test_a_mail_says_that_the_line_is_unstable(mail: MailQueued, words: str) -> None:
    assert words not in body(mail)
    assert words in body(replace(mail, unstable=True))
    assert words in letter_of_many([mail, replace(mail, unstable=True)], NOON, SITE_URL).body
