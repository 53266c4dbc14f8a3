"""Runs the workflows and activities: wiring only."""
