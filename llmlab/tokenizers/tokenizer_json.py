"""``tokenizer.json``, the file in which Hugging Face's libraries keep a tokenizer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .record import TrainingRecord

FILE, SETTINGS, RECORD = "tokenizer.json", "tokenizer_config.json", "tokenizer_record.json"
ROLES = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}


def describe(
    model: dict,
    ids: Mapping[str, int],
    *,
    add_bos: bool,
    add_eos: bool,
    normalizer: dict | None = None,
    pre_tokenizer: dict | None = None,
    decoder: dict | None = None,
) -> dict:
    """The whole file.

    Args:
        ids: of the special tokens.
        add_bos, add_eos: what stands around a text.
    """
    around = {"<bos>": add_bos, "<eos>": add_eos}
    token = {name: {"SpecialToken": {"id": name, "type_id": 0}} for name in around}
    single = [{"Sequence": {"id": "A", "type_id": 0}}]
    pair = [*single, {"Sequence": {"id": "B", "type_id": 0}}]
    before = [token["<bos>"]] if add_bos else []
    after = [token["<eos>"]] if add_eos else []
    template = {
        "type": "TemplateProcessing",
        "single": before + single + after,
        "pair": before + pair + after,
        "special_tokens": {
            name: {"id": name, "ids": [ids[name]], "tokens": [name]}
            for name, added in around.items()
            if added
        },
    }
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": id, "content": name, **flags, "special": True} for name, id in ids.items()
        ],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": template if before or after else None,
        "decoder": decoder,
        "model": model,
    }


def isolate(pattern: str) -> dict:
    """The pre-tokenizer that cuts a text at a pattern and keeps what it matches."""
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def sequence(kind: str, parts: Sequence[dict]) -> dict:
    """Several pre-tokenizers (or decoders), one after another."""
    return {"type": "Sequence", kind: list(parts)}


def around(description: Mapping) -> dict[str, bool]:
    """Which of ``<bos>`` and ``<eos>`` a file puts around a text, as arguments."""
    template = json.dumps((description.get("post_processor") or {}).get("single", []))
    return {"add_bos": '"<bos>"' in template, "add_eos": '"<eos>"' in template}


def special_names(description: Mapping) -> list[str]:
    """The names of a file's special tokens, in the order of their ids."""
    added = sorted(description["added_tokens"], key=lambda token: token["id"])
    return [token["content"] for token in added]


def pieces_in_order(vocab: Mapping[str, int]) -> list[str]:
    """The pieces of a vocabulary in the order of their ids.

    Raises:
        ValueError: ids that do not run from 0 without a gap.
    """
    pieces = sorted(vocab, key=vocab.__getitem__)
    if [vocab[piece] for piece in pieces] != list(range(len(pieces))):
        raise ValueError(f"the ids of the vocabulary's {len(pieces)} pieces are not 0, 1, 2, …")
    return pieces


def read_files(path: str | os.PathLike) -> tuple[dict, TrainingRecord | None]:
    """The content of a ``tokenizer.json`` and, where it lies in the same folder, the record.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: not such a file.
    """
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        raise FileNotFoundError(
            f"there is no file {file}; give a {FILE}, or a folder that a tokenizer was saved to"
        )
    description = _read(file)
    if not isinstance(description, dict) or not {"model", "added_tokens"} <= set(description):
        raise ValueError(
            f"{file} is no tokenizer: expected a {FILE} with a model and added_tokens; "
            "give a file that save() has written"
        )
    record = path / RECORD
    if path.is_dir() and record.exists():
        return description, TrainingRecord.from_json(_read(record))
    return description, None


def write_files(
    path: str | os.PathLike,
    description: Mapping,
    special: Sequence[str],
    record: TrainingRecord | None,
) -> None:
    """Write the file `path`, if it ends in ".json", or the folder with what belongs to it."""
    path = Path(path)
    if path.suffix == ".json":
        return _write(path, description)
    path.mkdir(parents=True, exist_ok=True)
    settings = {role: name for role, name in ROLES.items() if name in special}
    _write(path / SETTINGS, {"tokenizer_class": "PreTrainedTokenizerFast"} | settings)
    if record is not None:
        _write(path / RECORD, record.to_json())
    else:  # one of another tokenizer must not stay beside this one
        (path / RECORD).unlink(missing_ok=True)
    _write(path / FILE, description)


def _read(file: Path):
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        message = f"{file} is not JSON: {error}; give a file that save() has written"
        raise ValueError(message) from None


def _write(file: Path, content: Mapping) -> None:
    """Write beside the file and then put it in its place, so that no half of it is ever there."""
    text = json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":"))
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(beside, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
