"""The package in which StackStorm had its runners at first. Actions of that time import from here."""
