"""Training: data, loss, AdamW, checkpoints, and the loop around them."""

from .config import TrainingConfig, read_config
from .loop import resume, train
from .token_file import TokenFile, write_pairs, write_tokens

__all__ = [
    "TokenFile",
    "TrainingConfig",
    "read_config",
    "resume",
    "train",
    "write_pairs",
    "write_tokens",
]
