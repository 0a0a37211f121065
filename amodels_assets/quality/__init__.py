"""Declarative expectations on tables, and the Dagster checks made from them.

``expectation.py`` says what is expected, ``runner.py`` asks Great Expectations, ``factory.py``
turns a suite into one Dagster asset check per expectation. What is expected of a particular
table belongs into the ``checks.py`` of its room.
"""
