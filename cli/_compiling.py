"""Whether machine code is being made, which the first runs after an installation wait for."""

import sys
from typing import Any

_watch: Any = None


def compiling() -> bool:
    """Whether Numba compiles at this moment. It is not imported for this; watching begins here."""
    global _watch
    events = sys.modules.get("numba.core.event")
    if _watch is None and hasattr(events, "register"):  # imported to its end
        _watch = _watcher(events)
    return _watch is not None and _watch.depth > 0


def _watcher(events: Any) -> Any:
    class Watcher(events.Listener):
        """Counts the compilations that have begun and not ended."""

        depth = 0

        def on_start(self, _: Any) -> None:
            self.depth += 1

        def on_end(self, _: Any) -> None:
            self.depth = max(0, self.depth - 1)

    watcher = Watcher()
    events.register("numba:compile", watcher)
    return watcher
