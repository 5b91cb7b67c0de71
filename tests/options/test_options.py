"""What ``-o`` may say, and what it is refused for."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.options import IGNORED, REFUSED, ROWS, SWITCHES, VALUES, MountOptions, OptionError, Size, near


@pytest.mark.parametrize(("word", "meaning"), SWITCHES.items())
def test_a_word_sets_its_field_and_no_other(word: str, meaning: tuple[str, bool]) -> None:
    field, value = meaning
    change: dict[str, Any] = {field: value}
    contrary = attrs.evolve(MountOptions(), **dict[str, Any]({field: not value}))
    parsed, others = MountOptions.parse(word, contrary)
    assert parsed == attrs.evolve(contrary, **change)
    assert others == {}


@pytest.mark.parametrize("word", SWITCHES)
def test_a_word_takes_no_value(word: str) -> None:
    with pytest.raises(OptionError, match=rf"{word}=1: .*no value"):
        MountOptions.parse(f"{word}=1")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("fsname=rosebud", "fsname", "rosebud"),
        ("fsname=a=b", "fsname", "a=b"),
        (r"fsname=a\,b\\c", "fsname", r"a,b\c"),
        ("subtype=sledge", "subtype", "sledge"),
        ("max_read=4096", "max_read", 4096),
        ("max_read=128k", "max_read", 131072),
        ("max_read=0", "max_read", 0),
        ("max_write=1M", "max_write", 1 << 20),
        ("max_background=12", "max_background", 12),
        ("busy_poll=200", "busy_poll", 200),
        ("max_readahead=0", "max_readahead", 0),
        ("attr_timeout=1.5", "attr_timeout", 1.5),
        ("entry_timeout=inf", "entry_timeout", math.inf),
        ("negative_timeout=0", "negative_timeout", 0.0),
    ],
)
def test_a_value_is_read(text: str, field: str, value: object) -> None:
    parsed, others = MountOptions.parse(text)
    assert getattr(parsed, field) == value
    assert others == {}


@pytest.mark.parametrize("name", sorted(VALUES))
@pytest.mark.parametrize("form", ["{}", "{}="])
def test_an_option_with_a_value_needs_it(name: str, form: str) -> None:
    with pytest.raises(OptionError, match=f"{name}: expected a value"):
        MountOptions.parse(form.format(name))


@pytest.mark.parametrize(
    "text",
    [
        *("attr_timeout=-1", "attr_timeout=nan", "attr_timeout=soon", "entry_timeout=1s"),
        *("max_read=1", "max_read=-4096", "max_read=4096.5", "max_read=12Q", "max_read=8G"),
        *(
            "max_write=0",
            "max_write=1T",
            "max_background=65536",
            "max_background=x",
            "max_readahead=-1",
            "busy_poll=-1",
            "busy_poll=1001",
        ),
        *("subtype=a/b", "subtype=a b", "fsname=a\nb"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name_with_what_is_expected(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        MountOptions.parse(text)
    assert str(caught.value).startswith(text.split("=")[0] + "=")
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    "given", [{"attr_timeout": -1.0}, {"max_write": 1}, {"max_write": 1 << 40}, {"ro": 1}, {"fsname": b"x"}]
)
def test_a_program_is_told_of_an_impossible_value_too(given: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(given))):
        MountOptions(**given)


@pytest.mark.parametrize("word", sorted(IGNORED))
def test_what_means_nothing_here_is_taken_and_changes_nothing(word: str) -> None:
    assert MountOptions.parse(word) == (MountOptions(), {})


@pytest.mark.parametrize(("word", "reason"), REFUSED.items())
def test_what_cannot_be_granted_is_refused_with_its_reason(word: str, reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        MountOptions.parse(f"{word}=1")
    assert reason in str(caught.value)


def test_what_is_not_a_mounts_comes_back_unread() -> None:
    parsed, others = MountOptions.parse("ro,size=10M,verbose,x=,allow_other")
    assert parsed == MountOptions(ro=True, allow_other=True)
    assert others == {"size": "10M", "verbose": None, "x": ""}


def test_the_last_word_counts_and_the_rest_stays_as_it_was() -> None:
    base = MountOptions(ro=True, entry_timeout=5.0, fsname="pink")
    parsed, _ = MountOptions.parse("rw,,fsname=floyd,rw,ro,rw,", base)
    assert parsed == MountOptions(ro=False, entry_timeout=5.0, fsname="floyd")
    assert MountOptions.parse("", base) == (base, {})


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(OptionError):
        assert not set(MountOptions.parse(text)[1]) & {*VALUES, *SWITCHES}


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("allow_others", "allow_other"), ("entry_timout", "entry_timeout"), ("readonly", ""), ("siez", "size")],
)
def test_a_slip_is_recognised(slip: str, meant: str) -> None:
    assert (near(slip, ("size",)) or [""])[0] == meant


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("4096", 4096), ("64k", 65536), ("10M", 10 << 20), ("1GiB", 1 << 30), (" 2T ", 2 << 40)],
)
def test_a_size_is_a_number_of_bytes(text: str, value: int) -> None:
    assert Size(text) == value


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5M", "10X", "1 0", "0x10", "\u0661"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        Size(text)


def test_every_option_says_what_it_does_and_what_it_takes() -> None:
    for name, row in ROWS.items():
        assert row.says, name
        assert row.expected, name
