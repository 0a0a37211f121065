"""A stand-in for SAP HANA's wire protocol, for the real driver ``hdbcli``: not SAP HANA."""
