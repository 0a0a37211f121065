"""Model servers: one process that serves one release.

Belongs here: starting a server, waiting for it, ending it, and what vLLM in particular wants to be
told. Does not belong here: which release is served and when that changes (``serving.releases``),
and requests (``serving.gateway``).
"""
