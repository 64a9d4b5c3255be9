"""The answer that only the acting person sees: their form, or a private message.

Non-goals: messages for others (see `notifications`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from breakglass.app.ports import SlackError
from breakglass.app.services.context import InteractionContext
from breakglass.app.slack import ids, modals
from breakglass.app.slack.payloads import Click, Command, HomeOpened, Shortcut, Submission
from breakglass.app.slack.text import escape

_ANSWERED_SECONDS = 1.0
"""Seconds after which Slack has taken the answer to a submitted form."""


@dataclass(frozen=True)
class Responder:
    """The answer to one person.

    Attributes:
        context: the function's context.
        user: the person's Slack ID.
        view_id: the open form; None without one.
        channel: the channel of the clicked message; None without one.
        is_submission: the person submitted the form, and Slack may still show *Processing*.
    """

    context: InteractionContext
    user: str
    view_id: str | None
    channel: str | None
    is_submission: bool = False

    @classmethod
    def of(
        cls,
        context: InteractionContext,
        interaction: Command | Shortcut | Click | Submission | HomeOpened,
        view_id: str | None,
    ) -> Self:
        """Return the responder for an interaction; `view_id` is the form that the receiver opened."""
        channel = None
        match interaction:
            case Submission():
                view_id = interaction.view_id
            case Click():
                # Lists answer in the form that they are in.
                view_id = interaction.view_id if interaction.action_id == ids.VALUE else view_id
                channel = interaction.message.channel if interaction.message is not None else None
            case Command():
                channel = interaction.channel
        return cls(context, interaction.actor.user_id, view_id, channel, isinstance(interaction, Submission))

    def show_view(self, view: Mapping[str, Any]) -> None:
        """Replace the open form; without one, ask the person to click again."""
        if self.view_id is None:
            self.show_text("No form", "Slack could not open the form in time. Click again.")
            return
        self._update(self.view_id, view)

    def show_text(self, title: str, text: str) -> None:
        """Show a plain text to this person alone; Slack allows 24 characters of title."""
        if self.view_id is not None:
            self._update(self.view_id, modals.result_modal(title, text))
            return
        message = {"text": escape(text)}
        if self.channel is None or not self._call(
            "chat.postEphemeral", {"channel": self.channel, "user": self.user} | message
        ):
            # The person may have clicked in the Home tab, or may not be in the channel.
            self._call("chat.postMessage", {"channel": self.user} | message)

    def _update(self, view_id: str, view: Mapping[str, Any]) -> None:
        if self.is_submission:
            # The receiver hands the form over before it answers Slack: its answer would replace this view.
            self.context.pause(_ANSWERED_SECONDS)
        self._call("views.update", {"view_id": view_id, "view": view})

    def _call(self, method: str, arguments: Mapping[str, Any]) -> bool:
        """Call Slack, and return whether that succeeded; a closed form is no error."""
        try:
            self.context.slack.call(method, arguments)
        except SlackError as error:
            self.context.log("answer_refused", method=method, error=error.error)
            return False
        return True
