"""The device that trainings compute on, as a Dagster resource.

Belongs here: what an installation says of it. Which device that comes to is found out by the
process that computes, so that Dagster's own never loads torch.
"""

import dagster as dg

# Ops that compute on the device wait for a place in this pool.
POOL = "gpu"


class GpuResource(dg.ConfigurableResource):
    """The device and what it costs.

    Attributes:
        device: ``cpu``, ``cuda`` or ``cuda:<number>``; empty for a GPU where there is one and else
            the CPU.
        price_per_hour: Of one GPU, in whatever currency; None where nobody says.
    """

    device: str = ""
    price_per_hour: float | None = None

    def settings(self) -> dict[str, str | float | None]:
        """For the process that computes."""
        return {"device": self.device, "price_per_hour": self.price_per_hour}
