"""One asset for each Control-M job that is to be run by Dagster."""

import time
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from amodels_assets.controlm.ledger import CHANGES, ORDER_DATE, changes_of
from amodels_assets.controlm.order_dates import (
    UnknownVariableError,
    filled_in,
    system_variables,
)
from amodels_assets.controlm.plan import JobPlan
from resources.command_runner import CommandRunner

GROUP = "controlm"
OWNERS = ["team:data-platform"]
LAST_LINES = 20


def job_assets(plans: Iterable[JobPlan]) -> list[dg.AssetsDefinition]:
    """An asset for each job; it runs the job's command and records its conditions."""
    return [_asset(plan) for plan in plans]


def _asset(plan: JobPlan) -> dg.AssetsDefinition:
    @dg.asset(
        key=plan.key,
        group_name=GROUP,
        kinds={"bash"},
        owners=OWNERS,
        deps=[dg.AssetKey(key) for key in plan.upstream],
        description=plan.description or f"Control-M job {plan.job} of folder {plan.folder}.",
        metadata=_facts(plan),
    )
    def job(
        context: dg.AssetExecutionContext, command_runner: CommandRunner
    ) -> dg.MaterializeResult:
        now = datetime.now(ZoneInfo(plan.timezone))
        order_date = _order_date(context.run_tags.get(ORDER_DATE), now.date())
        ids = {
            "JOBNAME": plan.job,
            "APPLIC": plan.application,
            "APPLGROUP": plan.sub_application,
            "OWNER": plan.run_as,
            "NODEID": plan.host,
            "ORDERID": context.run_id[:5],
        }
        variables = system_variables(order_date, now, ids)
        last: list[str] = []

        def log(line: str) -> None:
            context.log.info(line)
            last.append(line)
            del last[:-LAST_LINES]

        start = time.perf_counter()
        code = None
        command = plan.command
        if command:
            try:
                if command_runner.kind == "dry_run":
                    context.log.info(f"dry run, not run: {command}")
                else:
                    command = filled_in(command, variables)
                code = command_runner.run(command, plan.host, plan.run_as, log)
            except (UnknownVariableError, ValueError, OSError) as error:
                text = f"{plan.job} did not run: {error}"
                raise dg.Failure(description=text, allow_retries=False) from error
        if code:
            text = f"{plan.job} ended with exit code {code}"
            raise dg.Failure(
                description=text,
                metadata={"output": dg.MetadataValue.md(_block(last))},
                allow_retries=False,
            )
        return dg.MaterializeResult(
            metadata={
                ORDER_DATE: order_date.isoformat(),
                CHANGES: dg.MetadataValue.json(changes_of(plan)),
                "runner": command_runner.kind,
                "exit_code": code if code is not None else "not run",
                "seconds": round(time.perf_counter() - start, 3),
                "output": dg.MetadataValue.md(_block(last)),
            }
        )

    return job


def _facts(plan: JobPlan) -> dict[str, str]:
    facts = {
        "job": plan.job,
        "folder": plan.folder,
        "started by": plan.trigger,
        "cron": plan.cron or "",
        "waits for": " ".join(plan.wait.tokens) if plan.wait else "",
        "not started because": plan.why_not_started,
        "not expressible": ", ".join(plan.not_expressible),
        "command": plan.command,
        "host": plan.host,
        "runs as": plan.run_as,
        "writes": ", ".join(plan.writes),
        "source": plan.source,
    }
    return {name: text for name, text in facts.items() if text}


def _order_date(tag: str | None, today: date) -> date:
    if tag is None:
        return today
    try:
        return date.fromisoformat(tag)
    except ValueError as error:
        text = f"the run's tag {ORDER_DATE} is {tag!r}: give a date, 2026-01-31 say"
        raise dg.Failure(description=text, allow_retries=False) from error


def _block(lines: list[str]) -> str:
    return "\n".join(["```", *(line.replace("```", "'''") for line in lines), "```"])
