"""Names that packs import from the commands of StackStorm's client."""
