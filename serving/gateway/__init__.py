"""The gateway: one door in front of the served models, the catalog and Dagster's web UI.

Belongs here: who may ask what, passing requests on as they stream, and what is known of the
services behind. Does not belong here: starting model servers and switching between releases;
whoever does that writes the file of upstreams (``upstreams.py``), which is all the gateway reads.
"""
