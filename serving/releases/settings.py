"""How releases are tried and switched.

Belongs here: names, defaults and limits. Does not belong here: what they do.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ReleaseSettings(BaseModel):
    """The part ``releases`` of the YAML file.

    Attributes:
        command: Starts a model server in place of vLLM: program and arguments, in which ``{port}``,
            ``{release}``, ``{folder}`` and ``{adapter}`` are replaced.
        mode: ``beside``: a release is tried while the old one serves. ``one_at_a_time``: the old
            one is stopped before, where memory does not hold both; requests wait meanwhile.
        poll_seconds: Between two looks at the release manifest and at what people ask for.
        probe_seconds: Between two looks at a server's health.
        probe_timeout: In which a server has to say how it is.
        hung_seconds: After which a server that lives and does not say so is started anew.
        still_seconds: After which an engine whose figures stand still is asked for a token.
        token_timeout: In which that has to come, or in what the slowest answer took when the
            release was tried, where that is more.
        engine_misses: Tokens in a row that do not come before an engine is taken to hang.
        start_seconds: In which a server has to say that it is well, and give a token.
        drain_seconds: For which the old server is left to end its answers.
        stop_seconds: For which a server is left to end itself.
        backoff_seconds: Before a server that failed is started again; doubled each time.
        most_backoff_seconds: At most.
        give_up_after: Starts in a row that may fail before the release before is taken back.
        watch_seconds: For which a release is watched after it was switched to, 0 for not; and of
            the one before, what is compared with.
        watch_least: Requests that have to have ended before anything follows from failures.
        watch_share: Part of the requests that may not fail.
        watch_level: How unlikely so many failures have to be, had it failed as often as the one
            before: the p-value below which that does not count as chance.
        canary_seconds: In which an answer of the canary has to come.
        canary_repeats: How often each prompt is asked.
        logprob_tolerance: How far log-probabilities of the canary's prompts may be from the stored
            ones, in nats, mean of the absolute differences.
        tie: Lead of the likeliest token over the next, in nats, below which either may be answered.
        slowest_ratio: How many times as long as the old release's a release's answers may take.
        noise_seconds: What they may take longer whatever the ratio: of answers that come at once a
            ratio says nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[str, ...] = ()
    mode: Literal["beside", "one_at_a_time"] = "beside"
    poll_seconds: float = Field(default=1, gt=0)
    probe_seconds: float = Field(default=2, gt=0)
    probe_timeout: float = Field(default=10, gt=0)
    hung_seconds: float = Field(default=20, gt=0)
    still_seconds: float = Field(default=20, gt=0)
    token_timeout: float = Field(default=10, gt=0)
    engine_misses: int = Field(default=3, gt=0)
    start_seconds: float = Field(default=300, gt=0)
    drain_seconds: float = Field(default=300, ge=0)
    stop_seconds: float = Field(default=30, gt=0)
    backoff_seconds: float = Field(default=1, gt=0)
    most_backoff_seconds: float = Field(default=30, gt=0)
    give_up_after: int = Field(default=3, gt=0)
    watch_seconds: float = Field(default=600, ge=0)
    watch_least: int = Field(default=20, gt=0)
    watch_share: float = Field(default=0.2, gt=0, lt=1)
    watch_level: float = Field(default=1e-4, gt=0, lt=1)
    canary_seconds: float = Field(default=60, gt=0)
    canary_repeats: int = Field(default=3, gt=0)
    logprob_tolerance: float = Field(default=0.1, gt=0)
    tie: float = Field(default=0.5, gt=0)
    slowest_ratio: float = Field(default=2.0, gt=1)
    noise_seconds: float = Field(default=0.02, ge=0)
