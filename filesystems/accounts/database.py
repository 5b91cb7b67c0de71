"""The four files together, and what holds between them: one method for each thing that is done to an account.

Nothing is read or written here; a method that refuses has changed nothing that anybody will see.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final

import attrs

from filesystems.accounts import rules
from filesystems.accounts.records import Group, GroupShadow, Shadow, User
from filesystems.accounts.rules import Refused
from filesystems.accounts.table import Table

LAST: Final = 59_999
"""The last id that is given to an account of its own accord (login.defs(5), UID_MAX)."""

IN_SHADOW: Final = "x"
"""What passwd and group say of a password that is in shadow and gshadow."""


@attrs.frozen
class Defaults:
    """What a new account is given: an id from *first* on, a *shell*, a directory below *home*."""

    first: int = 1000
    shell: str = "/bin/sh"
    home: str = "/home"


@attrs.define
class Database:
    """Users and groups; *shadows* and *group_shadows* are ``None`` where there are no such files."""

    users: Table[User]
    groups: Table[Group]
    shadows: Table[Shadow] | None = None
    group_shadows: Table[GroupShadow] | None = None

    def user(self, name: str) -> User:
        """Return the user called *name*; ENOENT."""
        found = self.users.find(name)
        if found is None:
            raise Refused(f"there is no user called {name}", errno.ENOENT)
        return found

    def group(self, name: str) -> Group:
        """Return the group called *name*; ENOENT."""
        found = self.groups.find(name)
        if found is None:
            raise Refused(f"there is no group called {name}", errno.ENOENT)
        return found

    # users

    def add_user(self, name: str, defaults: Defaults, today: int) -> None:
        """Make an account, locked, with a group of its own; *today* is the day since 1970."""
        rules.name(name)
        if self.users.find(name):
            raise Refused(f"there is a user called {name}", errno.EEXIST)
        uid = self._free({user.uid for user in self.users}, defaults.first)
        own = self.groups.find(name)
        gids = {group.gid for group in self.groups}
        if own is None:
            gid = uid if uid not in gids else self._free(gids, defaults.first)
            self._add_group(name, gid)
        else:
            gid = own.gid
        in_shadow = self.shadows is not None
        home = f"{defaults.home.rstrip('/')}/{name}"
        self.users.add(User(name, IN_SHADOW if in_shadow else "!", uid, gid, "", home, defaults.shell))
        if self.shadows is not None and self.shadows.find(name) is None:
            self.shadows.add(Shadow(name, "!", str(today)))

    def remove_user(self, name: str) -> None:
        """Take an account away, its memberships, and its own group if that is nobody else's."""
        user = self.user(name)
        if user.uid == 0:
            raise Refused(f"{name} is root, and stays", errno.EPERM)
        self.users.remove(user)
        if self.shadows is not None and (shadow := self.shadows.find(name)):
            self.shadows.remove(shadow)
        for group in self.groups:
            if name in group.members:
                self._join(group, (each for each in group.members if each != name))
        own = self.groups.find(name)
        if own and own.gid == user.gid and not own.members and not self._primary(own.gid):
            self._remove_group(own)

    def rename_user(self, name: str, to: str) -> None:
        """Call *name* by the name *to*, also as a member; the home directory stays where it is."""
        user = self.user(name)
        rules.name(to)
        if self.users.find(to):
            raise Refused(f"there is a user called {to}", errno.EEXIST)
        self.users.replace(user, attrs.evolve(user, name=to))
        if self.shadows is not None and (shadow := self.shadows.find(name)):
            self.shadows.replace(shadow, attrs.evolve(shadow, name=to))
        for group in self.groups:
            if name in group.members:
                self._join(group, (to if each == name else each for each in group.members))

    def change_user(self, name: str, **fields: object) -> None:
        """Set fields of the line in passwd."""
        user = self.user(name)
        self.users.replace(user, attrs.evolve(user, **fields))  # type: ignore[arg-type]  # as its caller says

    def set_uid(self, name: str, uid: int) -> None:
        """Give *name* another id, which must be nobody's; the files it owns are not touched."""
        other = next((user for user in self.users if user.uid == uid), None)
        if other is not None and other.name != name:
            raise Refused(f"the uid {uid} is {other.name}'s", errno.EEXIST)
        self.change_user(name, uid=uid)

    def set_primary(self, name: str, group: str) -> None:
        """Make *group*, a name or a number, the primary group of *name*."""
        found = self.groups.find(group)
        if found is None and group.isdigit():
            found = next((each for each in self.groups if each.gid == rules.number(group)), None)
        if found is None:
            raise Refused(f"there is no group {group}: make it first")
        self.change_user(name, gid=found.gid)

    def password(self, name: str) -> str:
        """Return the hash of the password of *name*."""
        user = self.user(name)
        shadow = self.shadows.find(name) if self.shadows is not None else None
        return shadow.hash if shadow is not None and user.password == IN_SHADOW else user.password

    def set_password(self, name: str, value: str, today: int | None) -> None:
        """Set the hash of the password of *name*; *today*: it is another password since then."""
        user = self.user(name)
        shadow = self.shadows.find(name) if self.shadows is not None else None
        if shadow is None or self.shadows is None or user.password != IN_SHADOW:
            self.change_user(name, password=value)
        elif shadow.hash != value:
            changed = shadow.changed if today is None else str(today)
            self.shadows.replace(shadow, attrs.evolve(shadow, hash=value, changed=changed))

    def lock(self, name: str, locked: bool) -> None:
        """Let no password do for *name*, or the one again that did."""
        value = self.password(name)
        if locked and not value.startswith(("!", "*")):
            self.set_password(name, f"!{value}", None)
        elif not locked and value.startswith(("!", "*")):
            bare = value.lstrip("!")
            if not bare or bare.startswith("*"):
                raise Refused(f"{name} has no password to be unlocked: write a hash to password")
            self.set_password(name, bare, None)

    def memberships(self, name: str) -> list[str]:
        """Return the groups that *name* is a member of, but for the primary one."""
        return [group.name for group in self.groups if name in group.members]

    def set_memberships(self, name: str, groups: Iterable[str]) -> None:
        """Make *name* a member of *groups* and of no others."""
        self.user(name)
        wanted = {self._known_group(group) for group in groups}
        for group in self.groups:
            others = tuple(each for each in group.members if each != name)
            if (name in group.members) != (group.name in wanted):
                self._join(group, (*others, name) if group.name in wanted else others)

    def _known_group(self, name: str) -> str:
        if self.groups.find(name) is None:
            raise Refused(f"there is no group called {name}: make it first")
        return name

    # groups

    def add_group(self, name: str, defaults: Defaults) -> None:
        """Make a group without members."""
        rules.name(name)
        if self.groups.find(name):
            raise Refused(f"there is a group called {name}", errno.EEXIST)
        self._add_group(name, self._free({group.gid for group in self.groups}, defaults.first))

    def remove_group(self, name: str) -> None:
        """Take a group away that is nobody's primary one."""
        group = self.group(name)
        users = self._primary(group.gid)
        if users and sum(each.gid == group.gid for each in self.groups) == 1:
            raise Refused(f"{name} is the primary group of {', '.join(users)}", errno.EBUSY)
        self._remove_group(group)

    def rename_group(self, name: str, to: str) -> None:
        """Call the group *name* by the name *to*."""
        group = self.group(name)
        rules.name(to)
        if self.groups.find(to):
            raise Refused(f"there is a group called {to}", errno.EEXIST)
        self.groups.replace(group, attrs.evolve(group, name=to))
        if self.group_shadows is not None and (shadow := self.group_shadows.find(name)):
            self.group_shadows.replace(shadow, attrs.evolve(shadow, name=to))

    def set_gid(self, name: str, gid: int) -> None:
        """Give a group another id, which must be no other's; whose primary group it is goes with it."""
        group = self.group(name)
        other = next((each for each in self.groups if each.gid == gid), None)
        if other is not None and other.name != name:
            raise Refused(f"the gid {gid} is {other.name}'s", errno.EEXIST)
        self.groups.replace(group, attrs.evolve(group, gid=gid))
        for user in self.users:
            if user.gid == group.gid:
                self.users.replace(user, attrs.evolve(user, gid=gid))

    def set_members(self, name: str, members: Iterable[str]) -> None:
        """Make *members*, all of them users, the members of a group."""
        group = self.group(name)
        wanted = tuple(members)
        for member in wanted:
            if self.users.find(member) is None and member not in group.members:
                raise Refused(f"there is no user called {member}: make it first")
        self._join(group, wanted)

    # what is behind that

    def _free(self, taken: set[int], first: int) -> int:
        free = next((number for number in range(first, LAST + 1) if number not in taken), None)
        if free is None:
            raise Refused(f"all ids from {first} to {LAST} are taken", errno.ENOSPC)
        return free

    def _primary(self, gid: int) -> list[str]:
        return [user.name for user in self.users if user.gid == gid]

    def _add_group(self, name: str, gid: int) -> None:
        self.groups.add(Group(name, "x", gid))
        if self.group_shadows is not None and self.group_shadows.find(name) is None:
            self.group_shadows.add(GroupShadow(name))

    def _remove_group(self, group: Group) -> None:
        self.groups.remove(group)
        if self.group_shadows is not None and (shadow := self.group_shadows.find(group.name)):
            self.group_shadows.remove(shadow)

    def _join(self, group: Group, members: Iterable[str]) -> None:
        """Write who is in *group*, in both files that say so."""
        joined = attrs.evolve(group, members=tuple(members))
        self.groups.replace(group, joined)
        if self.group_shadows is not None and (shadow := self.group_shadows.find(group.name)):
            self.group_shadows.replace(shadow, attrs.evolve(shadow, members=joined.members))
