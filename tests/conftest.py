"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# Timings never decide a test: a busy machine must not fail one.
settings.register_profile("watchcache", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("watchcache")
