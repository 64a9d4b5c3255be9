"""What the emulator of Slack does not tell about views: which ones a person sees now.

Slack shows the forms (modals) and the App Home that an app opens to one person; no method of its Web API reads them
back. Whoever plays that person has to see them.

Non-goals: stacks of modals; checking views (see `block_kit`).
"""

import threading
from collections.abc import Mapping
from typing import Any


class Views:
    """Views by person; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, str] = {}
        self._views: dict[str, dict[str, Any]] = {}

    def triggered(self, trigger_id: str, user: str) -> None:
        """A person clicked: views opened with this trigger are theirs."""
        with self._lock:
            self._people[trigger_id] = user

    def shown(self, arguments: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        """An app opened, updated or published a view.

        Args:
            arguments: of the call.
            view: as the emulator keeps it.
        """
        with self._lock:
            before = self._views.get(view["id"], {})
            user = arguments.get("user_id") or self._people.get(str(arguments.get("trigger_id"))) or before.get("user")
            number = len(self._views) if not before else before["number"]
            self._views[view["id"]] = {**view, "user": user, "number": number, "changes": before.get("changes", -1) + 1}

    def answered(self, view_id: str, view: Mapping[str, Any]) -> None:
        """An app answered a submission with another content for the same view (`response_action: update`)."""
        with self._lock:
            before = self._views[view_id]
            self._views[view_id] = {**before, **view, "id": view_id, "changes": before["changes"] + 1}

    def of(self, user: str) -> list[dict[str, Any]]:
        """A person's views, in the order in which they were opened."""
        with self._lock:
            return sorted(
                (view for view in self._views.values() if view["user"] == user), key=lambda view: view["number"]
            )
