# What tocsin and its tests use of celery 5.7.0, which has no types.
