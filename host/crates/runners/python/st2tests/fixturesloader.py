"""Files beside tests."""

import os


def get_fixtures_base_path():
    """The directory `fixtures` of the tests."""
    return os.path.join(os.getcwd(), "tests", "fixtures")
