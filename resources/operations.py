"""Where the record of operations is kept and what it is told, as a Dagster resource.

What is recorded is not known here.
"""

from pathlib import Path

import dagster as dg


class OperationsResource(dg.ConfigurableResource):
    """The record, and what its figures are made from.

    Give the URLs as environment variables (``dg.EnvVar``) where they hold a password.

    Attributes:
        url: ``sqlite:///path`` or ``postgresql://user:password@host:port/database``.
        audit_log: Folder of the gateway's audit log.
        objectives: YAML file of service-level objectives.
        prices: YAML file of declared prices; empty for none.
        gpu_price_per_hour: Of one GPU, where the file has none.
        retention_days: For which every single operation is kept; what is older is kept by day.
        notification_urls: Who is told of objectives in danger, URLs as Apprise has them with spaces
            between; empty for nobody.
        quiet_hours: In which nobody is told of the same objective again.
    """

    url: str
    audit_log: str
    objectives: str
    prices: str = ""
    gpu_price_per_hour: float | None = None
    retention_days: int = 400
    notification_urls: str = ""
    quiet_hours: float = 4.0

    def prices_path(self) -> Path | None:
        """The file of prices; None where there is none."""
        return Path(self.prices) if self.prices else None

    def audit_path(self) -> Path:
        """Folder of the gateway's audit log."""
        return Path(self.audit_log)

    def __repr__(self) -> str:
        """Name the class only: URLs may hold passwords."""
        return "OperationsResource(***)"

    __str__ = __repr__
