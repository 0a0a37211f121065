"""Names that assets, checks, sensors and resources share. Nothing else."""

ENDPOINT = "serving/endpoint"
LOAD_PROFILE = "serving/load_profile"
ENDPOINT_IS_READY = "endpoint_is_ready"
LATENCY_OBJECTIVES = "latency_objectives"
RELEASE_IS_NOT_REJECTED = "release_is_not_rejected"
