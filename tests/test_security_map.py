"""The map of security tests is complete and fresh."""

from tests import security_map


def test_every_security_test_asked_for_is_there() -> None:
    assert not set(security_map.WANTED) - set(security_map.named())


def test_the_map_is_fresh() -> None:
    """`python -m tests.security_map` renews it."""
    assert security_map.PAGE.read_text() == security_map.written()
