"""From source dumps to the catalog: tables, columns, views, lineage, jobs, schedules, diagnostics.

Public modules: ``source`` (what lies in a source directory), ``catalog`` (the whole reader),
``rows`` (table contents, typed by the catalog) and ``diagnostics`` (what was wrong with the input).
The others are its parts. Nothing here knows where the catalog is kept or replicated.
"""
