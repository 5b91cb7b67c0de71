"""The keywords of ``FUSE``: libfuse's options, and whose each of them is."""

from __future__ import annotations

import pytest

from puffpy.compat.fusepy.settings import IDLE, VECTOR, settings


def test_without_keywords_it_is_a_threaded_mount_in_the_background() -> None:
    asked = settings("Archive", {})
    assert (asked.foreground, asked.debug, asked.threads) == (False, False, True)
    assert (asked.options.fsname, asked.options.subtype) == ("Archive", "")


def test_debug_stays_in_the_foreground() -> None:
    asked = settings("Archive", {"debug": True, "nothreads": True})
    assert (asked.foreground, asked.debug, asked.threads) == (True, True, False)


def test_options_of_the_mount_go_to_the_mount() -> None:
    asked = settings(
        "x", {"allow_other": True, "ro": False, "fsname": "a,b=c", "attr_timeout": 5, "max_read": 8192}
    )
    assert asked.options.allow_other
    assert not asked.options.ro
    assert asked.options.fsname == "a,b=c"
    assert asked.options.attr_timeout == asked.config.attr_timeout == 5.0
    assert asked.options.max_read == 8192


def test_libfuses_own_options_go_to_the_vector() -> None:
    config = settings("x", {"umask": "022", "uid": 7, "use_ino": True, "hard_remove": True}).config
    assert (config.set_mode, config.umask, config.set_uid, config.uid) == (1, 0o022, 1, 7)
    assert (config.set_gid, config.use_ino, config.hard_remove) == (0, 1, 1)


@pytest.mark.parametrize("word", sorted(IDLE))
def test_an_option_about_how_libfuse_runs_means_nothing(word: str) -> None:
    assert settings("x", {word: True}) == settings("x", {}) or word in VECTOR


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"volname": "disk"}, "unknown option volname"),
        ({"allow_othr": True}, "unknown option allow_othr"),
        ({"allow_root": True}, "allow_root"),
        ({"umask": "no"}, "umask=no: expected a number"),
        ({"entry_timeout": "soon"}, "entry_timeout=soon"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(keywords: dict[str, object], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        settings("x", keywords)
