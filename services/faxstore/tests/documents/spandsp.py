"""spandsp, the library of many fax receivers, as far as it reads and writes the TIFF files of faxes."""

import ctypes
from pathlib import Path

_ENCODINGS = {"g3 1-d": 1, "g3 2-d": 2, "g4": 3}


class Spandsp:
    """The library of this name."""

    def __init__(self, name: str) -> None:
        self._library = library = ctypes.CDLL(name)
        library.t4_tx_init.restype = library.t4_rx_init.restype = ctypes.c_void_p
        library.t4_tx_get_chunk.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        library.t4_rx_put_chunk.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]

    def received(self, sent: Path, kept: Path, coding: str, pages: int) -> None:
        """Sends the fax `sent` in a coding of T.4 or T.6, and keeps what was received as a file of spandsp's own."""
        library = self._library
        sender = ctypes.c_void_p(library.t4_tx_init(None, bytes(sent), -1, -1))
        receiver = ctypes.c_void_p(library.t4_rx_init(None, bytes(kept), _ENCODINGS[coding]))
        assert sender
        assert receiver
        library.t4_tx_set_tx_encoding(sender, _ENCODINGS[coding])
        library.t4_rx_set_rx_encoding(receiver, _ENCODINGS[coding])
        library.t4_rx_set_x_resolution(receiver, library.t4_tx_get_x_resolution(sender))
        library.t4_rx_set_y_resolution(receiver, library.t4_tx_get_y_resolution(sender))
        library.t4_rx_set_image_width(receiver, library.t4_tx_get_image_width(sender))
        for _ in range(pages):
            assert library.t4_tx_start_page(sender) == 0
            assert library.t4_rx_start_page(receiver) == 0
            self._page(sender, receiver)
            assert library.t4_tx_end_page(sender) == 0
            assert library.t4_rx_end_page(receiver) == 0
        library.t4_tx_free(sender)
        library.t4_rx_free(receiver)

    def _page(self, sender: ctypes.c_void_p, receiver: ctypes.c_void_p) -> None:
        part = ctypes.create_string_buffer(256)
        while (size := self._library.t4_tx_get_chunk(sender, part, 256)) > 0:
            self._library.t4_rx_put_chunk(receiver, part, size)
