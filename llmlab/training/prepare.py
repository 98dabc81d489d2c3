"""What a run needs before its first step: token files, samplers, a model that fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from ..checkpoints import own
from ..config import TransformerConfig
from ..tokenizers import Tokenizer
from ..transformer import Transformer
from .checkpoint import TrainingState
from .config import TrainingConfig
from .distributed import Processes
from .documents import token_file
from .pair_sampler import PairSampler
from .sampler import Sampler, TextSampler
from .token_file import TokenFile


def token_files(
    config: TrainingConfig, tokenizer: Tokenizer, team: Processes
) -> tuple[TokenFile, TokenFile]:
    """Those of training and validation; what is text becomes one, made by the first process.

    Raises as ``token_file``.
    """
    kept = Path(config.folder) / "tokens"
    paths = {"train": config.data.train, "validation": config.data.validation}
    if team.is_first:
        files = [token_file(path, tokenizer, kept, name) for name, path in paths.items()]
    team.wait()
    if not team.is_first:
        made = {name: kept / f"{name}.bin" for name in paths}
        files = [
            TokenFile.open(path if path.endswith(".bin") else made[name])
            for name, path in paths.items()
        ]
    return files[0], files[1]


def make_sampler(
    config: TrainingConfig,
    shape: TransformerConfig,
    file: TokenFile,
    tokenizer: Tokenizer,
    seed: int,
) -> Sampler:
    """Of texts or of pairs, as the model's architecture needs."""
    length = config.row_length or shape.context_length
    if shape.architecture == "encoder-decoder":
        # As LanguageModel.encode_target begins what the decoder writes.
        start = tokenizer.pad_id if tokenizer.bos_id is None else tokenizer.bos_id
        return PairSampler(file, config.batch_size, length, start, seed)
    return TextSampler(file, config.batch_size, length, seed, config.data.whole_documents)


def start_with(folder: str, transformer: Transformer, tokenizer: Tokenizer) -> None:
    """Give the transformer the weights of a trained model, as fine-tuning begins.

    Raises:
        ValueError: the model has another shape, or other tokens: its weights would mean nothing.
        FileNotFoundError, ValueError: as ``load_own``.
    """
    model = own.load_own(folder, dtype=torch.float32)
    if dataclasses.replace(model.config, dropout=transformer.config.dropout) != transformer.config:
        raise ValueError(f"start: {folder} holds a model of another shape than the configuration")
    names = [[t.token(id).text for id in range(t.vocab_size)] for t in (model.tokenizer, tokenizer)]
    if names[0] != names[1]:
        raise ValueError(
            f"start: {folder} has another tokenizer than data.tokenizer; write the token files "
            "with the model's own"
        )
    transformer.load_state_dict(model.transformer.state_dict())


def check_shape(shape: TransformerConfig, state: TrainingState | None) -> None:
    """
    Raises:
        ValueError: a model that predicts no next token, or of another shape than the state's.
    """
    if shape.architecture == "encoder":
        raise ValueError("an encoder predicts no next token; train a decoder or encoder-decoder")
    if state is None:
        return
    with torch.device("meta"):
        wanted = {name: p.shape for name, p in Transformer(shape).named_parameters()}
    if wanted != {name: weight.shape for name, weight in state.weights.items()}:
        raise ValueError(
            "the checkpoint holds a model of another shape than the configuration; resume with "
            "the configuration that it was trained with"
        )
