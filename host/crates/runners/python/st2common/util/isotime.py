"""Times as text of ISO 8601."""

import datetime
import re

from st2common.util import date as date_utils

ISO8601_FORMAT = "%Y-%m-%dT%H:%M:%S"
ISO8601_FORMAT_MICROSECOND = "%Y-%m-%dT%H:%M:%S.%f"
ISO8601_UTC_REGEX = r"^\d{4}-\d{2}-\d{2}[\sT]\d{2}:\d{2}:\d{2}(\.\d{3,6})?(Z|\+00|\+0000|\+00:00)$"


def format(dt, usec=True, offset=True):  # noqa: A001
    """The text of a time: a datetime, a text that `parse` reads, or an int of seconds since 1970.

    Without `usec` it has no microseconds. Without `offset` it ends in `Z` for UTC, else in the zone's name.
    """
    if isinstance(dt, str):
        dt = parse(dt)
    elif isinstance(dt, int):
        dt = datetime.datetime.fromtimestamp(dt, datetime.timezone.utc)
    if offset:
        zone = dt.strftime("%z")
        zone = zone[:3] + ":" + zone[3:] if zone else "+00:00"
    else:
        zone = dt.tzname() if dt.tzinfo else "UTC"
        zone = "Z" if zone == "UTC" else zone
    return dt.strftime(ISO8601_FORMAT_MICROSECOND if usec else ISO8601_FORMAT) + zone


def validate(value, raise_exception=True):
    """Whether it is a datetime, or the text of a time in UTC; ValueError if not, unless told otherwise."""
    if isinstance(value, datetime.datetime) or (isinstance(value, str) and re.match(ISO8601_UTC_REGEX, value)):
        return True
    if raise_exception:
        raise ValueError("Datetime value does not match expected format.")
    return False


def parse(value, preserve_original_tz=False, validate_value=True):
    """The time that a text names, with its zone; in UTC unless `preserve_original_tz`."""
    if validate_value:
        validate(value)
    return date_utils.parse(value, preserve_original_tz=preserve_original_tz)
