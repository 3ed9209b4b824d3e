"""What actions of packs import from StackStorm, written anew for Petrel: just what they use."""
