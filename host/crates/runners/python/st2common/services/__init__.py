"""Services of StackStorm, as far as actions use them themselves."""
