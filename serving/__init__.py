"""Serves what was released: a process of its own that shares only the release manifest."""
