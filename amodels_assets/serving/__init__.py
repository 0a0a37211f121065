"""What the platform has to do with serving: predictions of the released checkpoint, and watching.

Belongs here: the server of relational predictions, which registers with the gateway; what a release
stands on; the endpoint as an asset, its load and its objectives. Does not belong here: the gateway,
model servers and their releases (the package ``serving``, of which nothing is imported here).
"""
