"""Commands of `python -m portal`, a module for each kind: what they say goes to whoever typed them."""
