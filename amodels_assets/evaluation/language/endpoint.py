"""A model behind an OpenAI-compatible endpoint, as lm-eval asks it.

Belongs here: where lm-eval asks endpoints otherwise than models on this machine. Does not belong
here: what is asked. Imports lm-eval.
"""

from __future__ import annotations

from typing import Any

from lm_eval.models.openai_completions import LocalCompletionsAPI


class Endpoint(LocalCompletionsAPI):
    """Prompts are the tokens that a model on this machine would be given.

    lm-eval leaves BOS out for every endpoint, and with its option ``add_bos_token`` writes it twice
    before chats whose template has it. A model on this machine gets what its tokenizer says, once.
    """

    def __init__(self, url: str, model: str, tokenizer: str) -> None:
        """See :func:`~amodels_assets.evaluation.language.checkpoints.endpoint_checkpoint`."""
        super().__init__(
            model=model,
            base_url=url,
            tokenizer=tokenizer,
            tokenizer_backend="huggingface",
            tokenized_requests=True,
            batch_size=8,
        )

    def tok_encode(
        self,
        string: str | list[str],
        left_truncate_len: int | None = None,
        add_special_tokens: bool = False,  # noqa: ARG002 - the tokenizer and the text say it
        truncation: bool = False,  # noqa: ARG002 - nothing is cut off behind
        **kwargs: Any,  # noqa: ARG002
    ) -> Any:
        """Tokens of a text, or of several."""
        if not isinstance(string, str):
            return [self.tok_encode(text, left_truncate_len) for text in string]
        tokenizer: Any = self.tokenizer
        begun = tokenizer.bos_token is not None and string.startswith(tokenizer.bos_token)
        tokens = tokenizer(string, add_special_tokens=not begun)["input_ids"]
        return tokens[-left_truncate_len:] if left_truncate_len else tokens
