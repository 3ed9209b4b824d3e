"""Functions that in StackStorm leave the process to others while they wait. Here an action has its process alone."""
