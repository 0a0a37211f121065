"""A base model from a hub that speaks Hugging Face's protocol.

Belongs here: downloading a snapshot and saying clearly why there is none. Tokens are the library's
business; it reads ``HF_TOKEN`` and ``HF_ENDPOINT`` from the environment, and neither is printed.
"""

from __future__ import annotations

from pathlib import Path

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.sources import TAKEN, Origin

_CARRY = (
    "Where there is no network, add the model on a machine that has one, say "
    "`amodels models pack`, carry the folder over and say `amodels models unpack`"
)


def download(origin: Origin, folder: Path) -> str:
    """Download what a model needs, and no pickled weights, into a folder.

    A download that was cut off goes on when the same folder is given again.

    Returns:
        The commit.

    Raises:
        ModelError: There is no network, no such model, or no permission.
    """
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = origin.location.removeprefix("hf:")
    api = HfApi()
    try:
        commit = api.model_info(name, revision=origin.revision).sha
        if not commit:
            raise ModelError(f"the hub names no commit of {name}: try again later")
        api.snapshot_download(
            name, revision=commit, local_dir=folder, allow_patterns=[*TAKEN, "*.safetensors"],
            ignore_patterns=["*/*"],
        )  # fmt: skip
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
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise ModelError(f"the hub cannot be reached ({type(error).__name__}). {_CARRY}") from error
    return commit
