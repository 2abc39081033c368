"""Following a log from another process: the one that has it feeds, the others keep their readers as if it were theirs.

`Feed` sends, over a stream of each follower's own, the state and then every event; `FollowerLog` is the log as the readers
of another process see it (`watchcache.log.ReadableLog`). What both promise: a follower shows each event once, in order,
or ends; it never shows a state that the log did not have.
"""

from watchcache.follow.feed import Feed, FeedStats
from watchcache.follow.follower import FollowerLog
from watchcache.follow.link import Link, frame
from watchcache.follow.outbox import Outbox
from watchcache.follow.reply import FeedLost

__all__ = ["Feed", "FeedLost", "FeedStats", "FollowerLog", "Link", "Outbox", "frame"]
