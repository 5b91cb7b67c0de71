"""The four files of accounts together: what is kept of them, and what holds between them."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from filesystems.accounts import rules
from filesystems.accounts.database import LAST, Database, Defaults
from filesystems.accounts.records import Group, GroupShadow, Shadow, User
from filesystems.accounts.rules import Refused
from filesystems.accounts.table import Table
from tests.filesystems.accounted import GROUP, GSHADOW, PASSWD, SHADOW
from tests.filesystems.direct import refuses

TODAY = 20_000
DEFAULTS = Defaults()


@pytest.fixture
def db() -> Database:
    return Database(
        Table(User, PASSWD), Table(Group, GROUP), Table(Shadow, SHADOW), Table(GroupShadow, GSHADOW)
    )


def line(table: Table[User] | Table[Group] | Table[Shadow] | Table[GroupShadow] | None, name: str) -> str:
    return "" if table is None else str(table.find(name) or "")


# one file


@pytest.mark.parametrize(
    ("kind", "text"), [(User, PASSWD), (Group, GROUP), (Shadow, SHADOW), (GroupShadow, GSHADOW)]
)
def test_a_file_that_is_not_changed_is_written_as_it_was_read(kind: type[User], text: str) -> None:
    assert str(Table(kind, text)) == text


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "# syd:x:1:1::/:/bin/sh",
        "syd:x:one:1::/:/bin/sh",
        "syd:x:1:1::/",
        ":x:1:1::/:/bin/sh",
        "+::::::",
        "-syd::::::",
        "syd:x:01:1::/:/bin/sh",
        "syd:x:\u0661:1::/:/bin/sh",
    ],
)
def test_a_line_that_is_not_understood_is_left_alone(odd: str) -> None:
    table = Table(User, f"{odd}\n")
    assert list(table) == []
    assert str(table) == f"{odd}\n"


def test_a_new_record_comes_before_the_lines_that_lead_elsewhere(db: Database) -> None:
    db.add_user("nick", DEFAULTS, TODAY)
    assert str(db.users).splitlines()[-2:] == ["nick:x:1002:1002::/home/nick:/bin/sh", "+@floyd::::::"]


def test_of_two_records_with_one_name_the_first_counts() -> None:
    table = Table(User, "a:x:1:1::/:/a\na:x:2:2::/:/b\n")
    found = table.find("a")
    assert found is not None
    table.remove(found)
    assert str(table) == "a:x:2:2::/:/b\n"


# users


def test_a_new_user_is_locked_and_has_a_group_of_its_own(db: Database) -> None:
    db.add_user("nick", Defaults(1000, "/bin/zsh", "/srv/"), TODAY)
    assert line(db.users, "nick") == "nick:x:1002:1002::/srv/nick:/bin/zsh"
    assert line(db.shadows, "nick") == "nick:!:20000:0:99999:7:::"
    assert line(db.groups, "nick") == "nick:x:1002:"
    assert line(db.group_shadows, "nick") == "nick:!::"


def test_a_new_user_takes_the_group_of_its_name_if_there_is_one(db: Database) -> None:
    db.add_user("band", DEFAULTS, TODAY)
    assert db.user("band").gid == 200


def test_a_new_user_whose_number_is_another_groups_gets_a_group_with_another_number(db: Database) -> None:
    db.add_group("tour", Defaults(1002))
    db.add_user("nick", DEFAULTS, TODAY)
    assert (db.user("nick").uid, db.user("nick").gid, db.group("nick").gid) == (1002, 1001, 1001)


def test_without_shadow_files_the_password_is_in_passwd() -> None:
    db = Database(Table(User, PASSWD), Table(Group, GROUP))
    db.add_user("nick", DEFAULTS, TODAY)
    assert db.user("nick").password == "!"
    db.set_password("nick", "$6$salt$hash", TODAY)
    assert line(db.users, "nick").startswith("nick:$6$salt$hash:")


def test_ids_run_out(db: Database) -> None:
    db.set_uid("syd", LAST)
    with refuses(errno.ENOSPC):
        db.add_user("nick", Defaults(LAST), TODAY)


def test_a_removed_user_leaves_nothing_behind(db: Database) -> None:
    db.remove_user("syd")
    for table in (db.users, db.groups, db.shadows, db.group_shadows):
        assert not line(table, "syd")
    assert line(db.groups, "band") == "band:x:200:roger"
    assert line(db.group_shadows, "band") == "band:!:roger:roger"


def test_a_group_that_others_are_in_outlives_the_user_of_its_name(db: Database) -> None:
    db.set_memberships("roger", ["syd"])
    db.remove_user("syd")
    assert line(db.groups, "syd") == "syd:x:1000:roger"


def test_root_stays(db: Database) -> None:
    with refuses(errno.EPERM):
        db.remove_user("root")


def test_a_renamed_user_is_itself_and_a_member_where_it_was(db: Database) -> None:
    db.rename_user("syd", "roger2")
    assert line(db.users, "roger2") == "roger2:x:1000:1000:Syd Barrett:/home/syd:/bin/sh"
    assert line(db.shadows, "roger2").startswith("roger2:$6$salt$hash:19000:")
    assert line(db.groups, "band") == "band:x:200:roger2,roger"
    assert db.users.find("syd") is None


def test_a_uid_is_one_users(db: Database) -> None:
    db.set_uid("syd", 1000)
    with refuses(errno.EEXIST):
        db.set_uid("syd", 1001)


def test_a_primary_group_is_named_or_numbered_and_must_be_there(db: Database) -> None:
    db.set_primary("syd", "band")
    assert db.user("syd").gid == 200
    db.set_primary("syd", "100")
    assert db.user("syd").gid == 100
    for absent in ("nobody", "4711", ""):
        with refuses(errno.EINVAL):
            db.set_primary("syd", absent)


def test_locking_keeps_the_password_and_its_age(db: Database) -> None:
    db.lock("syd", True)
    db.lock("syd", True)
    assert line(db.shadows, "syd").startswith("syd:!$6$salt$hash:19000:")
    db.lock("syd", False)
    db.lock("syd", False)
    assert line(db.shadows, "syd").startswith("syd:$6$salt$hash:19000:")
    for none in ("roger", "daemon"):
        with refuses(errno.EINVAL):
            db.lock(none, False)


def test_a_new_password_is_of_today(db: Database) -> None:
    db.set_password("syd", "$6$salt$hash", TODAY)
    assert line(db.shadows, "syd").startswith("syd:$6$salt$hash:19000:")  # it is the same one
    db.set_password("syd", "$6$salt$other", TODAY)
    assert line(db.shadows, "syd").startswith("syd:$6$salt$other:20000:")


def test_memberships_are_set_as_a_whole(db: Database) -> None:
    db.set_memberships("syd", ["daemon", "users"])
    assert db.memberships("syd") == ["daemon", "users"]
    assert line(db.groups, "band") == "band:x:200:roger"
    with refuses(errno.EINVAL):
        db.set_memberships("syd", ["absent"])


# groups


def test_a_group_comes_and_goes(db: Database) -> None:
    db.add_group("tour", DEFAULTS)
    assert (line(db.groups, "tour"), line(db.group_shadows, "tour")) == ("tour:x:1001:", "tour:!::")
    db.rename_group("tour", "crew")
    assert (line(db.groups, "crew"), line(db.group_shadows, "crew")) == ("crew:x:1001:", "crew:!::")
    db.remove_group("crew")
    assert (line(db.groups, "crew"), line(db.group_shadows, "crew")) == ("", "")


def test_the_primary_group_of_a_user_stays(db: Database) -> None:
    with pytest.raises(Refused, match="users is the primary group of roger") as refusal:
        db.remove_group("users")
    assert refusal.value.errno == errno.EBUSY


def test_a_groups_number_takes_its_users_along(db: Database) -> None:
    db.set_gid("users", 101)
    assert db.user("roger").gid == 101
    with refuses(errno.EEXIST):
        db.set_gid("users", 200)


def test_members_are_users(db: Database) -> None:
    db.set_members("band", ["roger", "daemon"])
    assert line(db.groups, "band") == "band:x:200:roger,daemon"
    assert line(db.group_shadows, "band") == "band:!:roger:roger,daemon"
    with refuses(errno.EINVAL):
        db.set_members("band", ["nick"])


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda db: db.add_user("syd", DEFAULTS, TODAY), errno.EEXIST),
        (lambda db: db.add_user("Syd", DEFAULTS, TODAY), errno.EINVAL),
        (lambda db: db.add_group("band", DEFAULTS), errno.EEXIST),
        (lambda db: db.add_group("a:b", DEFAULTS), errno.EINVAL),
        (lambda db: db.rename_user("syd", "roger"), errno.EEXIST),
        (lambda db: db.rename_user("syd", "-"), errno.EINVAL),
        (lambda db: db.rename_user("nick", "rick"), errno.ENOENT),
        (lambda db: db.rename_group("band", "users"), errno.EEXIST),
        (lambda db: db.rename_group("absent", "here"), errno.ENOENT),
        (lambda db: db.remove_user("nick"), errno.ENOENT),
        (lambda db: db.remove_group("absent"), errno.ENOENT),
        (lambda db: db.set_uid("nick", 5), errno.ENOENT),
        (lambda db: db.set_gid("absent", 5), errno.ENOENT),
        (lambda db: db.set_memberships("nick", []), errno.ENOENT),
        (lambda db: db.set_members("absent", []), errno.ENOENT),
        (lambda db: db.password("nick"), errno.ENOENT),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(
    db: Database, act: Callable[[Database], None], code: int
) -> None:
    with refuses(code):
        act(db)
    assert (str(db.users), str(db.groups)) == (PASSWD, GROUP)
    assert (str(db.shadows), str(db.group_shadows)) == (SHADOW, GSHADOW)


# values


@pytest.mark.parametrize("text", ["syd", "_apt", "a-1", "host$", "a" * 32])
def test_a_name_may_be(text: str) -> None:
    assert rules.name(text) == text


@pytest.mark.parametrize(
    "text", ["", "Syd", "1a", "-a", "a b", "a:b", "a\n", "a.b", "a" * 33, "\u00e9", "a$b"]
)
def test_a_name_may_not_be(text: str) -> None:
    with refuses(errno.EINVAL):
        rules.name(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "abc", " 1", "65535", "4294967295", "99999999999", "\u0661"]
)
def test_a_number_may_not_be(text: str) -> None:
    with refuses(errno.EINVAL):
        rules.number(text)


@pytest.mark.parametrize("text", ["a:b", "a\nb", "a\0b", "\x7f"])
def test_a_field_holds_no_end_of_a_field(text: str) -> None:
    with refuses(errno.EINVAL):
        rules.line(text)


@pytest.mark.parametrize("text", ["*", "!", "!!", "!*", "$6$salt$ab./", "!$y$j9T$salt$hash", "$2b$05$abc"])
def test_a_hash_may_be(text: str) -> None:
    assert rules.hashed(text) == text


@pytest.mark.parametrize("text", ["", "secret", "$6$", "a:b", "$6$salt$a b", "$6$salt$\n"])
def test_a_password_itself_is_refused(text: str) -> None:
    with refuses(errno.EINVAL):
        rules.hashed(text)


def test_names_are_told_apart_by_whatever_is_between_them() -> None:
    assert rules.names("a, b\nc  a\t") == ["a", "b", "c"]
    assert rules.names(" \n") == []


def test_truth_has_several_words() -> None:
    assert [rules.truth(word) for word in ("yes", "1", "No", "off")] == [True, True, False, False]
    with refuses(errno.EINVAL):
        rules.truth("perhaps")
