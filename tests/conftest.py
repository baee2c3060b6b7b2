"""For all tests."""

from hypothesis import settings

# How long an example takes is nobody's business here: machines have other things to do.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")
