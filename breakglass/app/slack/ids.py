"""Action IDs, callback IDs and block IDs of Slack.

They are in messages that may be years old, so an ID never changes its meaning. The values that come with them are
hostile input: a button's value names a record, and the record decides.

Non-goals: handling them (see `services.dispatch`).
"""

COMMAND = "/breakglass"
SHORTCUT = "request_access"

# Buttons. The value is the ID of a request or usage, except for `EXPLAIN_ALERT`: see `breakglass.alerts.messages`.
APPROVE = "approve"
DENY = "deny"
ACKNOWLEDGE = "acknowledge"
WITHDRAW = "withdraw"
BREAK_GLASS = "break_glass"
DONE = "done"
EXTEND = "extend"
END = "end"
EXPLAIN_ALERT = "explain_alert"
EXPLAIN_USE = "explain_use"
ACCEPT = "accept"

# App Home
HOME_REQUEST = "home_request"
HOME_FILTER = "home_filter"
HOME_MORE = "home_more"

OPENS_FORM = frozenset({DENY, BREAK_GLASS, EXTEND, END, EXPLAIN_ALERT, EXPLAIN_USE, ACCEPT, HOME_REQUEST})
"""Buttons that open a form; Slack allows three seconds from the click."""

# Forms: callback IDs, then block IDs of inputs. The action ID of an input is `VALUE`.
REQUEST_FORM = "request_form"
DENY_FORM = "deny_form"
GLASS_FORM = "glass_form"
EXTEND_FORM = "extend_form"
END_FORM = "end_form"
EXPLAIN_FORM = "explain_form"
ACCEPT_FORM = "accept_form"

ROLE = "role"
ACCOUNTS = "accounts"
DURATION = "duration"
REASON = "reason"
TICKET = "ticket"
NOTE = "note"
JUSTIFICATION = "justification"
INCIDENT = "incident"
DONE_WHAT = "done_what"
FOLLOW_UP = "follow_up"

VALUE = "value"
"""The action ID of every input."""
