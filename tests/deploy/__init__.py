"""The servers of the demo and of the tests, started for real."""
