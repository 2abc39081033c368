"""Who wants an event, found by looking up and not by asking around.

Every group hangs at one place, the narrowest that its scope allows:

    a single object            -> the object's key
    an indexed field's value   -> that value; a change looks up the value before *and* after it
    a namespace, or everything -> the prefix; a change looks up its namespace and the root

So a change asks the groups that could be concerned, and each then decides by its scope what the change is to it. An
event for one of 5,000 watchers by node costs two look-ups.

A tick is `offer` for each change, then one `flush`: a group is rendered once for all that the tick brought it. Large groups
are not sent to in the tick: they are handed to whoever runs their rounds (`fanout`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from watchcache.cacher.change import Change
from watchcache.cacher.fanout import give_up
from watchcache.cacher.frames import Frames
from watchcache.cacher.groups import Group, Member
from watchcache.cacher.request import Representation
from watchcache.cacher.selection import Scope

_Groups = dict[Group, None]


class Dispatcher:
    """The groups of one resource. `root` is the prefix of its keys, `indexed` the positions of indexed fields."""

    def __init__(self, root: str, indexed: Iterable[int] = ()) -> None:
        self._root = root
        self._groups: dict[tuple[Scope, Representation], Group] = {}
        self._at: dict[str, _Groups] = {}  # keys and prefixes; a prefix ends with "/", a key never does
        self._by_word: dict[int, dict[str, _Groups]] = {position: {} for position in indexed}
        self._marked: list[Group] = []
        self.live = 0  # members of all groups

    def __len__(self) -> int:
        return len(self._groups)

    def join(self, member: Member, scope: Scope, representation: Representation) -> Group:
        """Make a watcher live. It must have been sent all that happened so far."""
        group = self._groups.get((scope, representation))
        if group is None:
            group = self._groups[scope, representation] = Group(scope, representation)
            shelf, place = self._place(scope)
            shelf.setdefault(place, {})[group] = None
        group.add(member)
        self.live += 1
        return group

    def leave(self, member: Member, group: Group) -> None:
        """Take a watcher out; a group without watchers costs nothing."""
        group.discard(member)
        self.live -= 1
        if not group.empty or self._groups.pop((group.scope, group.representation), None) is None:
            return
        shelf, place = self._place(group.scope)
        del shelf[place][group]
        if not shelf[place]:
            del shelf[place]

    def offer(self, change: Change) -> None:
        """Note the change with every group that it means something to."""
        for group in self._concerned(change):
            type = group.scope.crossing(change.before, change.after)
            if type is None:
                continue
            if not group.pending:
                self._marked.append(group)
            group.pending.append((type, change))

    def flush(self, frames: Frames, wide: int, owe: Callable[[Group], None]) -> tuple[int, int]:
        """Send what has been offered; returns the number of events and of bytes handed to watchers.

        `owe` is called for each group of more than `wide` members instead, and for each that is busy: it must be sent to later.
        """
        marked, self._marked = self._marked, []
        events = size = 0
        for group in marked:
            if group.busy or len(group) > wide:
                owe(group)
            else:
                flushed = self._flush(group, frames)
                events += flushed[0]
                size += flushed[1]
        return events, size

    def _flush(self, group: Group, frames: Frames) -> tuple[int, int]:
        try:
            return group.flush(frames)
        except Exception as problem:
            give_up(group, problem)
            return 0, 0

    def _place(self, scope: Scope) -> tuple[dict[str, _Groups], str]:
        if scope.key:
            return self._at, scope.key
        if scope.position in self._by_word:
            return self._by_word[scope.position], scope.word
        return self._at, scope.prefix

    def _concerned(self, change: Change) -> Iterator[Group]:
        at, key = self._at, change.key
        namespace = key[: key.rindex("/") + 1]
        yield from at.get(key, ())
        yield from at.get(namespace, ())
        if namespace != self._root:
            yield from at.get(self._root, ())
        for position, groups in self._by_word.items():
            if not groups:
                continue
            was = change.before.fields[position] if change.before is not None else None
            now = change.after.fields[position] if change.after is not None else None
            if was is not None:
                yield from groups.get(was, ())
            if now is not None and now != was:
                yield from groups.get(now, ())
