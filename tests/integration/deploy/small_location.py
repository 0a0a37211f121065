"""A code location as small as can be, for the tests of daemon, queue, pool and run monitoring.

Its ops do what the test tells them by files in the folder ``TEST_FOLDER``.
"""

import json
import os
import time
from pathlib import Path

import dagster as dg

from resources.gpu import POOL

FOLDER = Path(os.environ["TEST_FOLDER"])
PATIENCE_SECONDS = 120


def wait_for(name: str) -> None:
    """Wait until a file is there."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (FOLDER / name).exists():
        if time.monotonic() > ends:
            raise TimeoutError(name)
        time.sleep(0.05)


def say(name: str, **facts: object) -> None:
    """Append a line to a file in one write."""
    with (FOLDER / name).open("a") as file:
        file.write(json.dumps(facts) + "\n")


@dg.asset
def made() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"pid": os.getpid()})


@dg.op
def short() -> None: ...


@dg.op
def held(context: dg.OpExecutionContext) -> None:
    """Wait in the first attempt; a second one ends at once."""
    attempt = int(context.run_tags.get("dagster/retry_number", "0"))
    say("held", pid=os.getpid(), run=context.run_id, attempt=attempt)
    if attempt == 0:
        wait_for("let-go")


@dg.op(pool=POOL)
def on_gpu(context: dg.OpExecutionContext) -> None:
    say("gpu", run=context.run_id, what="begins")
    wait_for("gpu-free")
    say("gpu", run=context.run_id, what="ends")


@dg.op
def wrong() -> None:
    raise dg.Failure("meant")


@dg.job
def short_job() -> None:
    short()


@dg.job
def held_job() -> None:
    held()


@dg.job
def gpu_job() -> None:
    on_gpu()


@dg.job
def wrong_job() -> None:
    wrong()


@dg.schedule(
    cron_schedule="* * * * *",
    job=short_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def minutely() -> dg.RunRequest:
    return dg.RunRequest()


@dg.sensor(job=short_job, minimum_interval_seconds=2, default_status=dg.DefaultSensorStatus.RUNNING)
def on_file() -> dg.RunRequest | dg.SkipReason:
    if (FOLDER / "arrived").exists():
        return dg.RunRequest(run_key="arrived")
    return dg.SkipReason("nothing arrived")


defs = dg.Definitions(
    assets=[made],
    jobs=[short_job, held_job, gpu_job, wrong_job],
    schedules=[minutely],
    sensors=[on_file],
    executor=dg.in_process_executor,
)
