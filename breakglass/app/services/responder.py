"""Where somebody sees what came of what they did: their form, or a message that only they see.

Non-goals: what everybody sees (see `notifications`).
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
"""After how long Slack has surely taken the answer to a form that was sent."""


@dataclass(frozen=True)
class Responder:
    """What one person looks at.

    Attributes:
        context: what the function has.
        user: their Slack id.
        view_id: the form that is open; None if none is.
        channel: the channel of the message they clicked in; None if it was none.
        sent: whether they have sent the form, and Slack may still be showing them that it is worked on.
    """

    context: InteractionContext
    user: str
    view_id: str | None
    channel: str | None
    sent: bool = False

    @classmethod
    def of(
        cls,
        context: InteractionContext,
        interaction: Command | Shortcut | Click | Submission | HomeOpened,
        view_id: str | None,
    ) -> Self:
        """Return the responder of whoever did something; `view_id` is the form that was opened for them already."""
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
        """Show a form in place of the one that is open; if none could be opened, say so."""
        if self.view_id is None:
            self.show_text("No form", "Slack could not open the form in time. Click again.")
            return
        self._update(self.view_id, view)

    def show_text(self, title: str, text: str) -> None:
        """Say something to this person alone.

        Args:
            title: at most 24 characters, as Slack's forms have it.
            text: plain text, which may hold what people wrote.
        """
        if self.view_id is not None:
            self._update(self.view_id, modals.result_modal(title, text))
            return
        said = {"text": escape(text)}
        if self.channel is None or not self._call(
            "chat.postEphemeral", {"channel": self.channel, "user": self.user} | said
        ):
            # A message to the person: they may have clicked in the Home tab, or not be in the channel.
            self._call("chat.postMessage", {"channel": self.user} | said)

    def _update(self, view_id: str, view: Mapping[str, Any]) -> None:
        if self.sent:
            # The function that answers Slack has handed the form over first: what it answers would come last.
            self.context.pause(_ANSWERED_SECONDS)
        self._call("views.update", {"view_id": view_id, "view": view})

    def _call(self, method: str, arguments: Mapping[str, Any]) -> bool:
        """Call Slack, and say whether it worked: the form may have been closed, which is no fault."""
        try:
            self.context.slack.call(method, arguments)
        except SlackError as error:
            self.context.log("not_shown", method=method, error=error.error)
            return False
        return True
