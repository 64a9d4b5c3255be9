"""The one type by which a component's model holds what only Pulumi can read.

Non-goals: nothing else belongs here; every other value of a component is plain, so that it is validated at preview.
"""

from typing import Annotated, Any

from pydantic import Field

Reference = Annotated[Any, Field(repr=False)]
"""An id or ARN of another resource, or a secret: plain, or an output whose value nobody knows at preview.

The model says whether it has to be there, and nothing more: pydantic must not look into an output. Out of the model's
`repr`, because it may be a token.
"""
