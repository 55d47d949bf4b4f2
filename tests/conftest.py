"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# On a loaded machine any example is slow to make: that says nothing of the code.
settings.register_profile("vmfit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vmfit")
