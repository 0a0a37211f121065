"""Releases: which one is served, and the way from one to the next.

Belongs here: watching the release manifest, trying a release, moving traffic to it, taking it back,
and keeping its server running. Does not belong here: how a server is started (``model_server``) and
requests (``gateway``), which learns by the file of upstreams what there is.
"""
