"""Property tests try the same examples everywhere, and take as long as a busy machine needs."""

from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")
