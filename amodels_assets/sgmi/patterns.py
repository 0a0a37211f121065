r"""Regular expressions of Hive's quoted text and comments, which all readers of DDL share.

Belongs here: pieces of patterns, for use with ``re.DOTALL``. Does not belong here: what a statement
is made of (``splitter.py``, ``ddl.py``, ``views.py``).

They never go back over what they passed, so that no text makes them slow. Loops are written out as
"plain characters, then (an escape, then plain characters) again and again": of a choice inside a
possessive loop, Python before 3.11.5 forgets where it was (gh-106052).
"""

INSIDE_STRING = r"[^'\\]*+(?:\\.[^'\\]*+)*+"
STRING = rf"'{INSIDE_STRING}'"
DOUBLE_QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
LITERAL = rf"{STRING}|{DOUBLE_QUOTED}"
BACKQUOTED = r"`[^`]*+`"
LINE_COMMENT = r"--[^\n]*+"
BLOCK_COMMENT = r"/\*.*?\*/"
