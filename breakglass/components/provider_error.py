"""The provider's text for a failed look-up."""

from breakglass.terminal import escape_unprintable


def words_of(error: Exception) -> str:
    """Return the provider's text, safe for a terminal, without the SDK's prefix and suffix."""
    return escape_unprintable(str(error).partition(" failed: ")[2].removesuffix(" ()") or str(error))
