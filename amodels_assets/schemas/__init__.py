"""The catalog's tables and rows, replicated into a relational database and read back.

Belongs here: type mapping, names, creating and loading tables, verification. Does not belong here:
reading dumps (``sgmi``) and connection settings (``resources``).
"""
