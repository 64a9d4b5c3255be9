"""Modals, App Home and ephemeral messages, which Slack shows to one user.

No method of the Web API reads them, so they are kept here for the user's side (`localcloud.slack_user`).

Non-goals: stacks of modals; checking views (see `block_kit`).
"""

import json
import threading
from collections.abc import Mapping
from typing import Any


class Views:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, str] = {}
        self._views: dict[str, dict[str, Any]] = {}

    def record_trigger(self, trigger_id: str, user: str) -> None:
        """Records the user of a trigger: views opened with it belong to that user."""
        with self._lock:
            self._people[trigger_id] = user

    def record_view(self, arguments: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        """An app opened, updated or published a view."""
        with self._lock:
            before = self._views.get(view["id"], {})
            user = arguments.get("user_id") or self._people.get(str(arguments.get("trigger_id"))) or before.get("user")
            number = len(self._views) if not before else before["number"]
            self._views[view["id"]] = {**view, "user": user, "number": number, "changes": before.get("changes", -1) + 1}

    def record_answer(self, view_id: str, view: Mapping[str, Any], changes: int) -> int:
        """An app answered a submission with another content for the same view (`response_action: update`).

        If it has also updated the view meanwhile, by a call, that stays: what comes first at Slack is not documented.

        Args:
            view_id: the view's.
            view: the answer's content.
            changes: how often the view had changed when it was sent.

        Returns:
            How often it has changed with this answer.
        """
        with self._lock:
            before = self._views[view_id]
            if before["changes"] == changes:
                self._views[view_id] = {**before, **view, "id": view_id, "changes": changes + 1}
                return changes + 1
            return changes

    def of(self, user: str) -> list[dict[str, Any]]:
        with self._lock:
            return sorted(
                (view for view in self._views.values() if view["user"] == user), key=lambda view: view["number"]
            )


class Ephemerals:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[dict[str, Any]] = []

    def add(self, arguments: Mapping[str, Any], ts: str) -> None:
        kept = {key: arguments[key] for key in ("channel", "user", "text", "blocks", "thread_ts") if key in arguments}
        if isinstance(kept.get("blocks"), str):
            kept["blocks"] = json.loads(kept["blocks"])
        with self._lock:
            self._messages.append({**kept, "ts": ts})

    def of(self, user: str) -> list[dict[str, Any]]:
        with self._lock:
            return [message for message in self._messages if message["user"] == user]
