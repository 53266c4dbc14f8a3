"""The pictures of the guide and of the README, taken from the running portal: `python -m tests.guide`."""
