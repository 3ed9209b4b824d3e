"""The base of programs of the command line, as far as packs have some of their own."""

from st2client.client import Client


class BaseCLIApp:
    """Makes a client of arguments."""

    client = None

    def get_client(self, args=None, debug=False):
        """A client, by the arguments that name a host or a token."""
        names = ("base_url", "auth_url", "api_url", "stream_url", "api_version", "cacert", "token", "api_key")
        given = {name: getattr(args, name) for name in names if getattr(args, name, None)}
        self.client = Client(debug=debug, **given)
        return self.client
