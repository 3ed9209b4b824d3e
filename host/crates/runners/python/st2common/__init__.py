"""The modules that actions of packs import from StackStorm, rewritten for Petrel: only the parts that they use.

The names, their arguments and what comes of them are StackStorm's. What is not here is not offered, and
`petrel_action.py` says so by name.
"""

# Name and directory of the pack whose action runs; `petrel_action.py` sets them.
own_pack = (None, None)
