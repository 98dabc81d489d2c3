"""Traces as JSON: one documented schema, ``trace.schema.json``, for Python and the browser."""

from __future__ import annotations

import base64
import binascii
import json
import math

import numpy as np
import torch
from torch import Tensor

from .config import TransformerConfig
from .model import LanguageModel
from .recording import RECORDABLE
from .tokenizers.token import Token
from .tracing import Trace

TRACE_FORMAT = "llmlab.trace/1"
PRECISIONS = {"float32": "<f4", "float16": "<f2"}  # little-endian, as typed arrays read them


def array_to_json(values: Tensor, precision: str = "float32") -> dict:
    """A tensor as {"shape", "dtype", "data"}; data is base64 of little-endian numbers.

    Raises:
        ValueError: a precision other than "float32" and "float16", or a number too large for it.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r} is not known; choose from {list(PRECISIONS)}")
    values = values.detach().float().cpu()
    if precision == "float16":
        _check_float16(values)
    data = values.numpy().astype(PRECISIONS[precision])
    return {
        "shape": list(values.shape),
        "dtype": precision,
        "data": base64.b64encode(data.tobytes()).decode("ascii"),
    }


def _check_float16(values: Tensor) -> None:
    """Infinities may stay what they are; a finite number must not become one."""
    finite = values[values.isfinite()].abs()
    largest = finite.max().item() if finite.numel() else 0.0
    if largest > torch.finfo(torch.float16).max:
        raise ValueError(f'{largest:g} does not fit float16, which ends at 65504; use "float32"')


def array_from_json(array: dict) -> Tensor:
    """The float32 tensor of an array object.

    Raises:
        ValueError: not such an object, or data that does not fill its shape.
    """
    try:
        shape, kind = array["shape"], PRECISIONS[array["dtype"]]
        data = np.frombuffer(base64.b64decode(array["data"], validate=True), dtype=kind)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ValueError(f"not an array object of shape, dtype and data: {error}") from None
    if data.size != math.prod(shape):
        raise ValueError(f"an array of shape {shape} has {data.size} numbers")
    return torch.from_numpy(data.astype(np.float32)).reshape(shape)


def read_record(text: str, expected: str, kind: str) -> dict:
    """The JSON object in ``text``, if its format is the expected one.

    Raises:
        ValueError: not JSON, or another format.
    """
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    found = record.get("format") if isinstance(record, dict) else None
    if found != expected:
        raise ValueError(f"expected a {kind} of format {expected!r}, found {found!r}")
    return record


def token_to_json(token: Token) -> dict:
    """A token as {"id", "text", "bytes"}; bytes in hexadecimal."""
    return {"id": token.id, "text": token.text, "bytes": token.bytes.hex()}


def token_from_json(token: dict) -> Token:
    """The inverse of ``token_to_json``."""
    return Token(token["id"], token["text"], bytes.fromhex(token["bytes"]))


def trace_to_json(trace: Trace, precision: str) -> str:
    """See ``Trace.to_json``. ASCII only, so that lone surrogates pass through."""
    return json.dumps(
        {
            "format": TRACE_FORMAT,
            "model": trace.model_name,
            "config": trace.config.to_dict(),
            "tokens": [token_to_json(token) for token in trace.tokens],
            "source": [token_to_json(token) for token in trace.source],
            "recorded": {
                name: array_to_json(getattr(trace, name), precision) for name in trace.recorded
            },
        }
    )


def _whole_vocabulary(logits: Tensor, ids: list[int], size: int) -> Tensor:
    """Logits with a column for every token: -inf for those that were not at hand.

    Raises:
        ValueError: ids that do not fit the logits or the vocabulary.
    """
    if logits.size(-1) != len(ids) or not all(0 <= id < size for id in ids):
        raise ValueError(f"logits of {logits.size(-1)} columns for a vocabulary of {len(ids)} ids")
    whole = logits.new_full((*logits.shape[:-1], size), -math.inf)
    whole[..., ids] = logits
    return whole


def trace_from_json(text: str, model: LanguageModel | None) -> Trace:
    """See ``Trace.from_json``."""
    record = read_record(text, TRACE_FORMAT, "trace")
    try:
        fields = {
            "model_name": record["model"],
            "config": TransformerConfig(**record["config"]),
            "tokens": tuple(map(token_from_json, record["tokens"])),
            "source": tuple(map(token_from_json, record["source"])),
        }
        recorded = {name: array_from_json(array) for name, array in record["recorded"].items()}
        if "vocabulary" in record and "logits" in recorded:
            size = fields["config"].vocab_size
            recorded["logits"] = _whole_vocabulary(recorded["logits"], record["vocabulary"], size)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a trace with a part missing or of the wrong kind: {error}") from None
    unknown = set(recorded) - set(RECORDABLE)
    if unknown:
        raise ValueError(f"a trace with unknown quantities: {', '.join(sorted(unknown))}")
    return Trace(**fields, **recorded, model=model)
