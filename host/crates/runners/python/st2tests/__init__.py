"""What tests of packs are made of, rewritten for Petrel: only what packs use."""
