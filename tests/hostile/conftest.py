"""Opens clouds as the tests of the client do."""

from tests.enlighten.conftest import cloud, open_cloud

__all__ = ["cloud", "open_cloud"]
