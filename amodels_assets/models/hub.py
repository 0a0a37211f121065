"""A base model from a hub that speaks Hugging Face's protocol.

Belongs here: finding and downloading a snapshot, and saying clearly why there is none. Tokens are
the library's business; it reads ``HF_TOKEN`` and ``HF_ENDPOINT`` from the environment, and neither
is printed.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.sources import TAKEN, Origin

_CARRY = (
    "Where there is no network, add the model on a machine that has one, say "
    "`amodels models pack`, carry the folder over and say `amodels models unpack`"
)


def find_commit(origin: Origin) -> str:
    """The commit that a name, and the revision where there is one, stands for.

    Raises:
        ModelError: There is no network, no such model, or no permission.
    """
    from huggingface_hub import HfApi

    with _clear_errors(origin):
        return str(HfApi().model_info(_name(origin), revision=origin.revision).sha)


def download(origin: Origin, commit: str, folder: Path) -> None:
    """Download what a model needs, and no pickled weights, into a folder.

    A download that was cut off goes on when the same folder is given again.

    Raises:
        ModelError: There is no network, no such model, or no permission.
    """
    from huggingface_hub import HfApi

    with _clear_errors(origin):
        HfApi().snapshot_download(
            _name(origin),
            revision=commit,
            local_dir=folder,
            allow_patterns=[*TAKEN, "*.safetensors"],
            ignore_patterns=["*/*"],
        )


def _name(origin: Origin) -> str:
    return origin.location.removeprefix("hf:")


@contextmanager
def _clear_errors(origin: Origin) -> Generator[None]:
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        HTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = _name(origin)
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name} is only given to those who accepted its licence: accept it on its page, "
            "and set HF_TOKEN to a token of that account"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{name} has no revision {origin.revision!r} on the hub") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"the hub has no model {name}, or not for you: check the name, or set HF_TOKEN"
        ) from error
    except OfflineModeIsEnabled as error:
        raise ModelError(f"HF_HUB_OFFLINE is set, so nothing is downloaded. {_CARRY}") from error
    except (OSError, HTTPError) as error:
        raise ModelError(f"the hub cannot be reached ({type(error).__name__}). {_CARRY}") from error
