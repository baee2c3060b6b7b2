"""Programs that fail, which the demo runs by themselves."""
