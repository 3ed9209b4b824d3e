"""Names that StackStorm gives to things."""
