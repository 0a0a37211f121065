"""``amodels predict-server``: predictions of the released checkpoint, behind the gateway."""

from __future__ import annotations

import os
import re
import warnings
from typing import TYPE_CHECKING

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.settings import from_environment

if TYPE_CHECKING:
    from amodels_assets.serving.heartbeat import Heartbeat

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@click.command("predict-server")
@click.option(
    "--name",
    default="facility_downgrade",
    show_default=True,
    help="The second part of /predict/<name>.",
)
@click.option("--port", default=8201, show_default=True, help="On 127.0.0.1; 0 for any free one.")
@click.option(
    "--gateway",
    envvar="AMODELS_GATEWAY_URL",
    help="http://host:port to register with; AMODELS_GATEWAY_URL says the same. The key is "
    "AMODELS_GATEWAY_KEY's.",
)
@click.option(
    "--rows", type=click.IntRange(1, 10_000), default=256, show_default=True, help="Of a request."
)
@click.option(
    "--waiting",
    type=click.IntRange(0, 10_000),
    default=32,
    show_default=True,
    help="Requests that may wait for their turn; more are refused.",
)
def predict_server(*, name: str, port: int, gateway: str | None, rows: int, waiting: int) -> None:
    """Serve predictions of the released Relational Transformer.

    Registers with the gateway, takes up a new release while requests go on, and ends after the
    requests that are under way on SIGTERM or Ctrl-C.

    \b
    Examples:
      amodels predict-server
      amodels predict-server --gateway http://127.0.0.1:8080
      amodels predict-server --name ratings --port 8202 --rows 1000
    """
    if not _NAME.fullmatch(name):
        raise click.BadParameter(
            "small letters, digits, - and _, the first no sign", param_hint="--name"
        )
    # Before anything loads torch.
    from amodels_assets.training.loop_config import PROCESS_ENVIRONMENT

    os.environ.update(PROCESS_ENVIRONMENT)
    # That there is no GPU is said once by whoever looks for one, and not at every release.
    warnings.simplefilter("ignore", RuntimeWarning)
    try:
        from amodels_assets.serving import released, running
        from amodels_assets.serving.predict_server import PredictServer
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is not installed: say pip install 'amodels[serve,train]'"
        ) from error
    settings = from_environment()
    store = ArtifactStore(settings.artifacts_path())

    def opened() -> released.Released:
        return released.open_released(store, device=settings.device)

    bound = running.bound_socket(port)
    url = f"http://{running.HOST}:{bound.getsockname()[1]}"
    heartbeat = _heartbeat(gateway, name, url)
    try:
        first = opened()
    except released.ReleasedError as error:
        raise click.ClickException(str(error)) from error
    running.log_to_stderr()
    served = PredictServer(
        name,
        first,
        look=lambda: released.look(store),
        open_again=opened,
        most_rows=rows,
        most_waiting=waiting,
        heartbeat=heartbeat,
    )
    click.echo(f"{first.name} answers at {url}/predict/{name}")
    running.serve(served, bound)


def _heartbeat(gateway: str | None, name: str, url: str) -> Heartbeat | None:
    from amodels_assets.serving.heartbeat import KEY, GatewayError, Heartbeat

    if not gateway:
        return None
    said = {"kind": "predict", "url": url, "health": "/health"}
    try:
        return Heartbeat(gateway, name, said, os.environ.get(KEY, ""))
    except GatewayError as error:
        raise click.ClickException(str(error)) from error
