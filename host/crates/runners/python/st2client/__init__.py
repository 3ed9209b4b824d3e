"""StackStorm's client, rewritten for Petrel: only what actions and sensors of packs use of it."""

__version__ = "3.9.0"
