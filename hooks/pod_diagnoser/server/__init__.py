"""HTTP, gunicorn, settings, logs: where the parts of the hook are put together."""
