"""Text and bytes."""

# What a test replaces to stand in for `open`.
mock_open_name = "builtins.open"


def to_unicode(value):
    """The text itself; anything else is a ValueError."""
    if not isinstance(value, str):
        raise ValueError('Value "%s" must be a string.' % value)
    return value


def to_ascii(value):
    """The text without what is not ASCII."""
    return value.encode().decode("ascii", errors="ignore")
