"""What people are told of a problem: by the field's own words, by its code, or else as the service words it."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.site.browser import language
from gateway.site.forms import Wrong
from gateway.site.services import Reply
from gateway.site.words import N_, Translate

# Sentences of a page's own, by field and code. A `*` in a field stands for one part of it: `destinations.*.number`.
OwnWords = Mapping[tuple[str, str], str]

WORDS: Mapping[str, str] = {
    "busy": N_("ただいま混み合っています。しばらく待ってから、もう一度ボタンを押してください"),
    "caller-already-registered": N_("この番号はもう登録されています"),
    "carrier-code": N_("00で始まる番号には転送できません。市外局番から入力してください"),
    "control-character": N_("改行などの見えない文字が入っています。消してから、もう一度入力してください"),
    "digits-only": N_("数字だけのパスワードは使えません。英字も入れてください"),
    "empty": N_("電話番号を入力してください"),
    "free-dial": N_("0120・0800で始まる番号には転送できません。別の番号を入力してください"),
    "international": N_("国際電話の番号には転送できません。国内の番号を入力してください"),
    "invalid-body": N_("入力した内容に直すところがあります"),
    "kind-not-allowed": N_(
        "この番号には転送できません。市外局番から始まる番号か、携帯電話などの番号を入力してください"
    ),
    "letters-and-digits-only": N_("パスワードに使えるのは英字と数字です。記号や空白を消してください"),
    "login-failed": N_("電話番号かパスワードが違います。もう一度確かめて入力してください"),
    "loop": N_("転送先が、この番号へ転送する設定になっています。別の番号を入力してください"),
    "lost-race": N_("同じときに別の変更がありました。もう一度ボタンを押してください"),
    "missing-field": N_("入力してください"),
    "navi-dial": N_("0570で始まる番号には転送できません。別の番号を入力してください"),
    "no-active-destination": N_("使う転送先が選ばれていません。先に転送先を選んでください"),
    "no-addresses": N_("メールアドレスを1件以上入力してください"),
    "no-entries": N_("転送先がまだ登録されていません。先に転送先を登録してください"),
    "not-a-mail-address": N_("書き方を確かめてください。「@」が1つ必要です（例：name@example.jp）"),
    "not-a-number": N_("電話番号は数字で入力してください"),
    "not-a-subscriber-number": N_("電話番号を市外局番から入力してください"),
    "not-one-of": N_("選択肢の中から選んでください"),
    "number-not-in-contract": N_("ご契約の電話番号ではありません。番号を確かめてください"),
    "out-of-range": N_("数の大きさを確かめてください"),
    "own-number": N_("この電話自身には転送できません。別の番号を入力してください"),
    "password-wrong": N_("今のパスワードが違います"),
    "passwords-differ": N_("2回のパスワードが違います。同じパスワードを2回入力してください"),
    "premium-rate": N_("0990で始まる番号には転送できません。別の番号を入力してください"),
    "repeated-address": N_("同じメールアドレスが2回あります。1つにしてください"),
    "repeated-number": N_("同じ電話番号が2回あります。1つにしてください"),
    "ring-seconds-out-of-range": N_("呼び出す時間は5秒から60秒の間で入力してください"),
    "same-as-current": N_("今と同じパスワードは使えません。別のパスワードにしてください"),
    "service-code": N_("「#」や「*」のある番号は使えません。電話番号を市外局番から入力してください"),
    "service-unavailable": N_(
        "ただいま保存できません。入力した内容はこのまま残っています。しばらく待ってから、もう一度ボタンを押してください"
    ),
    "store-unavailable": N_(
        "ただいま保存できません。入力した内容はこのまま残っています。しばらく待ってから、もう一度ボタンを押してください"
    ),
    "three-digit-number": N_("110・119などの3けたの番号には転送できません。別の番号を入力してください"),
    "too-long": N_("長すぎます。短くしてください"),
    "too-many-addresses": N_("メールアドレスの数が多すぎます。いくつか消してください"),
    "too-many-attempts": N_(
        "何回もまちがえたため、しばらくログインできません。15分ほど待ってから、もう一度お試しください"
    ),
    "too-many-callers": N_("登録できるのは30件までです。いくつか消してください"),
    "too-many-destinations": N_("登録できる転送先は4件までです"),
    "too-short": N_("短すぎます。長くしてください"),
    "wrong-length": N_("文字の数を確かめてください"),
    "wrong-type": N_("入力した内容を確かめてください"),
}


def wrong_of(reply: Reply, translate: Translate, own: OwnWords) -> tuple[Wrong, ...]:
    """What is wrong with a form, by the service's answer. Never empty: without a field it is the form as a whole."""
    listed: list[Mapping[str, Any]] = list(reply.body.get("errors", ()))
    whole = {"field": "", "code": reply.code, "message": reply.body.get("detail", "")}
    return tuple(Wrong(one["field"], _sentence(one, translate, own)) for one in (listed or [whole]))


def _sentence(error: Mapping[str, Any], translate: Translate, own: OwnWords) -> str:
    code = error["code"]
    said = next(_own(error["field"], code, own), None) or WORDS.get(code)
    if code == "loop" and language() == "ja":  # The service's own sentence names the other number.
        said = None
    return translate(said) if said else str(error.get("message", "")) or translate(WORDS["wrong-type"])


def _own(field: str, code: str, own: OwnWords) -> Iterator[str]:
    parts = field.split(".")
    for (pattern, its_code), sentence in own.items():
        theirs = pattern.split(".")
        if (
            its_code == code
            and len(theirs) == len(parts)
            and all(a in ("*", b) for a, b in zip(theirs, parts, strict=True))
        ):
            yield sentence


def named(name: str, sentence: str) -> str:
    """A sentence with the name of what it is about, where several of a kind stand together; without one as it is."""
    if not name:
        return sentence
    return f"{name}: {sentence}" if language() == "en" else f"{name}：{sentence}"
