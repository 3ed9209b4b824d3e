"""Where packs are."""
