"""Stand-ins for the datastore."""

from st2tests.mocks import MockDatastoreService  # noqa: F401
