"""What a forked child does with what is its parent's.

Everything below the user's script may hold a file, a socket or a thread that exists in
the parent only; it says here how the child lets go of it.
"""

import os
import weakref
from collections.abc import Callable


def call_in_child(method: Callable[[], None]) -> None:
    """Have a forked child call a bound method, if its object is still there.

    The object is not kept alive. Nothing happens where there is no fork, on Windows.
    """
    if not hasattr(os, "register_at_fork"):
        return
    found = weakref.WeakMethod(method)

    def call() -> None:
        alive = found()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)
