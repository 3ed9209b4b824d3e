"""Functions that yield to other green threads in StackStorm. Here each action has a process of its own."""
