"""Names of keys."""

from st2common.constants.keyvalue import USER_SEPARATOR, USER_SCOPE, FULL_USER_SCOPE


def get_key_reference(scope, name, user=None):
    """The whole name of a key: those of a user begin with the user's."""
    if scope in (USER_SCOPE, FULL_USER_SCOPE):
        if not user:
            raise ValueError("A user must be specified for a key of the scope %s." % scope)
        return USER_SEPARATOR.join([user, name])
    return name
