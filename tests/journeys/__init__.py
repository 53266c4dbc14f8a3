"""Whole journeys through the real processes: in a browser, under a searcher's eye, and while a worker is killed."""
