"""What a client writes down of each request, and how it is read again."""

import enum
import pathlib
import struct

import numpy as np

LAYOUT = struct.Struct("<dfHBI")
"""End (monotonic clock of the machine, s), how long it took (s), status, outcome, number of the URL."""
TYPE = np.dtype([("end", "<f8"), ("seconds", "<f4"), ("status", "<u2"), ("outcome", "u1"), ("number", "<u4")])


class Outcome(enum.IntEnum):
    """What an answer was."""

    RIGHT = 0
    REFUSED = 1
    """An error that is right, because a source was changed."""
    STATUS = 2
    """Another error."""
    NO_ANSWER = 3
    """The connection was refused or closed before an answer."""
    BROKEN = 4
    """The body broke off."""
    TIMEOUT = 5
    WRONG = 6
    """Other bytes, or a success that should be none."""
    MISSING = 7
    """404 of something that is there: clients take the fill value for it."""

    @property
    def is_failure(self) -> bool:
        return self > Outcome.REFUSED


def read(files: list[pathlib.Path]) -> np.ndarray:
    """All records, in order of their ends."""
    records = np.concatenate([np.fromfile(file, TYPE) for file in files] or [np.empty(0, TYPE)])
    return np.sort(records, order="end")
