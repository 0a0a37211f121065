"""Texts that try to be more than text: names and values for the tests of every public entry.

Each is in lower case, as the catalog has names. Does not belong here: where they are put in.
"""

from __future__ import annotations

# By what is tried. None is the beginning of another, so that each can be told from the others.
ATTACKS: dict[str, str] = {
    "double quotes": 'x"; drop table "canary"; --',
    "single quotes": "x'); drop table canary; --",
    "backticks": "x`; drop table canary; --",
    "brackets": "x]; drop table canary; --",
    "another statement": "x; delete from canary",
    "always true": "' or '1'='1",
    "dollar quotes": "$$; drop table canary; $$",
    "open comment": "/* -- # // x",
    "cypher in single quotes": "'}) detach delete n //",
    "cypher in double quotes": '"}) match (n) detach delete n return ("',
    "cypher in backticks": "`) detach delete n //",
    "cypher parameter": "$mark",
    "bound names": ":x @x ?1 ?",
    "percent signs": "100%s %(x)s %% %",
    "braces": "{x} {0} {{id}} ${x}",
    "backslashes": "\\' \\\" \\",
    "redis script": "' .. redis.call('flushall') .. '",
    "redis protocol": "x\r\n*1\r\n$8\r\nflushall\r\n",
    "shell": "$(touch owned); touch owned & `touch owned`",
    "markup": "]]></node><x a=\"&lt;'",
    "right to left": "\u202egnirts\u202c שלום",
    "combining characters": "e\u0301\u0327 and é",
    "emoji": "👩\u200d👧 🦊",
    "other spaces": "a\u00a0b\u2028c\u200b",
    "reserved word": "select",
    "another reserved word": "user",
    "dots": "a.b..c",
    "path": "../../x",
    "zero byte": "be\x00fore",
    "control characters": "x\x01\x1b[31m\x7f\ty",
    "200 characters": "x" * 200,
    "200 wide characters": "ü" * 200,
    "blank": " ",
}
