"""The pages of the mail sink. Whatever stands in a mail is escaped: it is text here, never markup."""

from email.message import EmailMessage
from html import escape
from urllib.parse import quote

from devstack.mailbox import Entry, text_of

LISTED = 50
SHOWN_HEADERS = ("From", "To", "Date", "Message-ID", "In-Reply-To", "Auto-Submitted")

PAGE = """<!doctype html>
<html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 1rem/1.6 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1a1a1a; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .4rem .6rem .4rem 0; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
pre {{ background: #f4f4f4; font: inherit; overflow-wrap: anywhere; padding: 1rem; white-space: pre-wrap; }}
</style></head><body><main>{body}</main></body></html>
"""


def listing(mails: list[tuple[Entry, EmailMessage]], to: str, count: int) -> str:
    """Newest first, with a way to older ones."""
    heading = f"<h1>届いたメール（{count} 通）</h1>" + (
        f"<p>宛先 {escape(to)} <a href='/'>すべて</a></p>" if to else ""
    )
    rows = "".join(_row(entry, message) for entry, message in mails)
    table = f"<table><thead><tr><th>受信<th>宛先<th>件名</thead><tbody>{rows}</tbody></table>"
    older = ""
    if len(mails) == LISTED:
        older = f"<p><a href='/?to={quote(to, safe='')}&amp;before={mails[-1][0].id}'>もっと古いメール</a></p>"
    return PAGE.format(title="届いたメール", body=heading + (table if mails else "<p>まだ届いていません。</p>") + older)


def _row(entry: Entry, message: EmailMessage) -> str:
    at = entry.received_at.astimezone().strftime("%m-%d %H:%M:%S")
    to = ", ".join(f"<a href='/?to={quote(address, safe='')}'>{escape(address)}</a>" for address in entry.recipients)
    subject = escape(str(message["Subject"] or "（件名なし）"))
    return f"<tr><td>{at}<td>{to}<td><a href='/messages/{entry.id}'>{subject}</a></tr>"


def mail(name: str, message: EmailMessage) -> str:
    """One mail: its main headers and its text."""
    shown = ((header, str(message[header])) for header in SHOWN_HEADERS if message[header])
    rows = "".join(f"<tr><th>{header}<td>{escape(value)}</tr>" for header, value in shown)
    subject = escape(str(message["Subject"] or "（件名なし）"))
    links = f"<p><a href='/'>一覧</a> <a href='/messages/{quote(name)}/raw'>ソース</a></p>"
    return PAGE.format(
        title=subject, body=f"{links}<h1>{subject}</h1><table>{rows}</table><pre>{escape(text_of(message))}</pre>"
    )
