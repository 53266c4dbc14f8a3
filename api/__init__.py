"""Speaks with people: HTTP, sessions, forms, pages."""
