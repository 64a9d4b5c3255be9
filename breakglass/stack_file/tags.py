"""The tags of a stack's resources."""

from pydantic import Field

from breakglass.stack_file.base import ConfigModel
from breakglass.stack_file.types import TagKey, TagValue


class Tagged(ConfigModel):
    """Keys of the stack file and of every component."""

    tags: dict[TagKey, TagValue] = Field(default_factory=dict, examples=[{"team": "platform"}])
    """Tags on every resource that takes tags."""
