"""Counting and tokenizing, with a tokenizer made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from amodels_assets.questions.build import Questions
from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.folder import conversations
from amodels_assets.questions.lengths import length_picture, length_table
from amodels_assets.questions.packing import packed_sequences, plan_packing
from amodels_assets.questions.tokens import Lengths, count, tokenize

CHAT = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + ' ' + m['content'] + '<|im_end|> ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant ' }}{% endif %}"
)
SAID = [
    {"role": "system", "content": "answer shortly"},
    {"role": "user", "content": "which table holds x"},
    {"role": "assistant", "content": "d.t"},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tokenizer of words and marks, and a chat template."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    texts = [" ".join(message["content"] for message in SAID), "system user assistant"]
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=["<unk>"]))
    tokenizer.add_special_tokens(
        [AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True)]
    )
    folder = tmp_path_factory.mktemp("model")
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHAT,
                "unk_token": "<unk>"}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_words_without_a_tokenizer_and_tokens_with_one(model: Path) -> None:
    assert count([SAID], None).unit == "words"
    assert count([SAID], None).counts.tolist() == [8]
    for place in (model, model / "tokenizer.json"):
        found = count([SAID], place)
        assert found.unit == "tokens"
        # The point in d.t is a token.
        assert found.counts.tolist() == [9]


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(QuestionsError, match="is no tokenizer that can be read"):
        count([SAID], tmp_path)


def test_only_the_answer_and_its_end_are_the_assistants(model: Path) -> None:
    from transformers import AutoTokenizer

    (found,) = tokenize([SAID], model)
    loaded = AutoTokenizer.from_pretrained(model)
    assert found.tokens.dtype == np.int32
    assert loaded.decode(found.tokens[found.assistant]) == "d . t <|im_end|>"
    before = loaded.decode(found.tokens[~found.assistant])
    assert before.endswith("<|im_start|> assistant")
    assert "which table holds x" in before


def test_questions_to_sequences(model: Path, small_questions: Questions) -> None:
    said = list(tokenize(conversations(small_questions.tables["test"].slice(0, 40)), model))
    plan = plan_packing([len(one.tokens) for one in said], 512, seed=0)
    found = list(packed_sequences(said, plan))
    assert sum(int((sequence.segments > 0).sum()) for sequence in found) == sum(
        len(one.tokens) for one in said
    )
    assert sum(int(sequence.loss_mask.sum()) for sequence in found) == sum(
        int(one.assistant.sum()) for one in said
    )


def test_templates_that_cannot_be_used(model: Path, tmp_path: Path) -> None:
    for path in model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    for template, message in (
        (None, "no chat template"),
        ("{{ messages | length }} {{ messages }}", "does not go on where"),
    ):
        settings["chat_template"] = template
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        with pytest.raises(QuestionsError, match=message):
            list(tokenize([SAID], tmp_path))
    with pytest.raises(QuestionsError, match="does not go on where"):
        list(tokenize([SAID[:-1]], model))


def test_lengths_for_people() -> None:
    lengths = {
        "train": Lengths("tokens", np.array([1200, 3, 5])),
        "recall": Lengths("tokens", np.array([], dtype=np.int64)),
    }
    assert "| train | 3 | 1,208 | 5 | 1,200 |" in length_table(lengths)
    assert "recall" not in length_table(lengths)
    assert length_picture(lengths) == length_picture(lengths)
    assert length_picture(lengths).startswith("![lengths](data:image/png;base64,iVBOR")
