"""PDF files object by object, so that any part of them can be wrong."""

import struct
import zlib
from io import BytesIO

import pikepdf

PAGE = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"


def raw(*objects: str | bytes, trailer: str = "/Root 1 0 R") -> bytes:
    """A file with these objects, numbered from 1, and a right table of them."""
    written, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, thing in enumerate(objects, 1):
        places.append(len(written))
        body = thing.encode() if isinstance(thing, str) else thing
        written += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d %s >>\n" % (len(objects) + 1, trailer.encode())
    return bytes(written + b"startxref\n%d\n%%%%EOF\n" % table)


def document(root: str = "", page: str = "", *more: str | bytes) -> bytes:
    """One page; `root` and `page` are put into their dictionaries, `more` are objects from 4 on."""
    return raw(
        f"<< /Type /Catalog /Pages 2 0 R {root} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {page} >>",
        *more,
    )


def pages(count: int) -> bytes:
    """A file of so many empty pages."""
    kids = " ".join(f"{3 + number} 0 R" for number in range(count))
    return raw(
        "<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>", *[PAGE] * count
    )


def stream(data: bytes, words: str = "") -> bytes:
    """A compressed stream."""
    return filtered(zlib.compress(data, 9), 1, words)


def filtered(data: bytes, times: int, words: str = "") -> bytes:
    """A stream of data that were compressed so many times over."""
    filters = "/FlateDecode " * times
    return f"<< /Length {len(data)} /Filter [ {filters}] {words} >>\nstream\n".encode() + data + b"\nendstream"


def zeros(millions: int) -> bytes:
    """So many million zero bytes, compressed by zlib, made without having them in memory."""
    squeeze = zlib.compressobj(9)
    return b"".join([*(squeeze.compress(bytes(1_000_000)) for _ in range(millions)), squeeze.flush()])


def saved(pdf: pikepdf.Pdf, **how: object) -> bytes:
    written = BytesIO()
    pdf.save(written, **how)  # type: ignore[arg-type]
    return written.getvalue()


def opened(whole: bytes) -> pikepdf.Pdf:
    return pikepdf.open(BytesIO(whole))


def encrypted(user: str) -> bytes:
    return saved(opened(document()), encryption=pikepdf.Encryption(owner="owner", user=user))


def packed(whole: bytes) -> bytes:
    """The same with its objects inside of compressed streams."""
    return saved(opened(whole), object_stream_mode=pikepdf.ObjectStreamMode.generate)


def nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + closing * depth


def bomb_of_objects(millions: int) -> bytes:
    """A file whose catalogue is inside of a stream that is so many million bytes large."""
    packed = b"1 0 obj\n" + filtered(zeros(millions), 1, "/Type /ObjStm /N 1 /First 4") + b"\nendobj\n"
    head = b"%PDF-1.7\n"
    table = len(head) + len(packed)
    places = b"".join(struct.pack(">BIH", *row) for row in ((0, 0, 0), (1, len(head), 0), (2, 1, 0), (1, table, 0)))
    words = f"<< /Type /XRef /W [1 4 2] /Size 4 /Root 2 0 R /Length {len(places)} >>"
    last = f"3 0 obj\n{words}\nstream\n".encode() + places + b"\nendstream\nendobj\n"
    return head + packed + last + b"startxref\n%d\n%%%%EOF\n" % table
