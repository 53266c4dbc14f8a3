"""The officers' side of a vote: keys, the count and the end of the keys, on a machine that is connected to nothing.

Nothing here reads settings, asks a database or speaks to a server; all cryptography is the library's own.
"""
