"""The modules that sensors of packs import from StackStorm, rewritten for Petrel: only the parts that they use."""
