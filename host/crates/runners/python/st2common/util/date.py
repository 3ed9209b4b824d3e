"""Times with a time zone."""

import datetime
import re

# Forms of ISO 8601 that Python before 3.11 does not parse: no separators, a space, fractions of any length.
ISO8601 = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$"
)


def get_datetime_utc_now():
    """Returns the present time in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def append_milliseconds_to_time(date, millis):
    """Returns the time this many milliseconds later, in UTC."""
    return convert_to_utc(date + datetime.timedelta(milliseconds=millis))


def add_utc_tz(dt):
    """Marks the time as UTC. Fails if it has another zone."""
    if dt.tzinfo and dt.tzinfo.utcoffset(dt) != datetime.timedelta(0):
        raise ValueError("datetime already contains a non UTC timezone")
    return dt.replace(tzinfo=datetime.timezone.utc)


def convert_to_utc(dt):
    """Converts the time to UTC. A time without a zone counts as UTC."""
    return dt.astimezone(datetime.timezone.utc) if dt.tzinfo else add_utc_tz(dt)


def parse(value, preserve_original_tz=False):
    """Parses a time, in UTC unless `preserve_original_tz`. Formats beyond ISO 8601 need dateutil."""
    dt = _read_iso8601(str(value))
    if dt is None:
        try:
            from dateutil import parser
        except ImportError:
            raise ValueError(
                "%r is no time of ISO 8601; other forms need the module python-dateutil, which is not installed" % value
            ) from None
        dt = parser.parse(str(value))
    if not dt.tzinfo:
        dt = add_utc_tz(dt)
    return dt if preserve_original_tz else convert_to_utc(dt)


def _read_iso8601(text):
    found = ISO8601.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    numbers = [int(number or 0) for number in (year, month, day, hour, minute, second)]
    microsecond = int((fraction or "").ljust(6, "0")[:6])
    try:
        return datetime.datetime(*numbers, microsecond, tzinfo=_read_zone(zone))
    except ValueError:
        return None


def _read_zone(zone):
    if not zone:
        return None
    if zone == "Z":
        return datetime.timezone.utc
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return datetime.timezone(-offset if zone[0] == "-" else offset)
