"""The provider's own words for why a look-up failed."""

from breakglass.terminal import escape_unprintable


def words_of(error: Exception) -> str:
    """Return what the provider says, for a terminal.

    The SDK puts the function's name before it, and an empty property behind it.
    """
    return escape_unprintable(str(error).partition(" failed: ")[2].removesuffix(" ()") or str(error))
