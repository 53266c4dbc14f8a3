"""Whole journeys through the real processes: in a browser, searched, and while a worker is killed."""
