"""What may be written in a line, and how a refusal reads: one function for each kind of value.

What must hold between two lines is in ``database``.
"""

from __future__ import annotations

import errno
import re
from typing import Final

import puffpy

LONGEST_NAME: Final = 32

NAME: Final = re.compile(r"[a-z_][a-z0-9_-]*\$?", re.ASCII)
"""As useradd(8) has it."""

HASH: Final = re.compile(r"[!*]*(\$[a-z0-9]+\$[A-Za-z0-9./$=,+*_-]+)?", re.ASCII)
"""As crypt(5) has them, and what stands for "no password will do"."""

NOBODYS: Final = frozenset({65535, 4294967295})
"""Ids that mean "none" to the kernel, in 16 bits and in 32."""

YES: Final = frozenset({"1", "yes", "true", "on"})
NO: Final = frozenset({"0", "no", "false", "off"})


class Refused(puffpy.FsError):
    """Something may not be: EINVAL unless another *code* says it better; *why* is for a person to read."""

    def __init__(self, why: str, code: int = errno.EINVAL) -> None:
        super().__init__(code, why)


def name(text: str) -> str:
    """Return *text* if an account or group may be called so."""
    if not NAME.fullmatch(text):
        raise Refused(f"{text!r} is no name: expected small letters, digits, - and _, a letter or _ first")
    if len(text) > LONGEST_NAME:
        raise Refused(f"{text!r} has {len(text)} letters: a name has {LONGEST_NAME} at most")
    return text


def number(text: str) -> int:
    """Return the id that *text* says."""
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{text!r} is no number: expected an id, as in 1005")
    value = int(text)
    if value > max(NOBODYS) or value in NOBODYS:
        raise Refused(f"{text} is no id: expected 0 to {max(NOBODYS) - 1}, and not {min(NOBODYS)}")
    return value


def line(text: str) -> str:
    """Return *text* if it may stand between two colons."""
    if ":" in text or not all(letter.isprintable() for letter in text):
        raise Refused(f"{text!r} has a colon, a line break or the like in it, which would end the field")
    return text


def path(text: str) -> str:
    """Return *text* if it is a path from the root."""
    if not line(text).startswith("/"):
        raise Refused(f"{text!r} is no path from the root: expected one that begins with /")
    return text


def names(text: str) -> list[str]:
    """Return the names in *text*, with commas, blanks or line breaks between them, each once."""
    return list(dict.fromkeys(re.split(r"[\s,]+", text.strip()))) if text.strip() else []


def truth(text: str) -> bool:
    """Return whether *text* says yes."""
    if text.lower() not in YES | NO:
        raise Refused(f"{text!r} is neither yes nor no")
    return text.lower() in YES


def hashed(text: str) -> str:
    """Return *text* if it is the hash of a password, and not the password."""
    if not text:
        raise Refused("an empty password lets everybody in: write a hash, or ! for none")
    if not HASH.fullmatch(text):
        raise Refused("this is no hash of a password: write what mkpasswd(1) or openssl passwd -6 makes")
    return text
