"""Dagster resources, one a file: connections and settings, no business logic."""
