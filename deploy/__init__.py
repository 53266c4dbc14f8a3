"""Starts every server Scrutin needs on one machine, from installed packages alone."""
