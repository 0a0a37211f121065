"""The record's tables, step by step, run by Alembic. Never change a step that was released."""
