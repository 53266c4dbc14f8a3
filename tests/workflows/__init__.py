"""The stories over time."""
