"""The configuration of a training run, read from YAML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..config import TransformerConfig
from .values import from_values, near

PRECISIONS = ("auto", "float32", "bfloat16")
SHARDINGS = ("ddp", "fsdp")


@dataclass(frozen=True)
class DataConfig:
    """Where the tokens come from. Paths count from the folder of the YAML file.

    A ``.bin`` is a file of tokens (``write_tokens``, ``write_pairs``); a ``.txt`` (documents
    separated by blank lines) or a ``.jsonl`` (objects with "text", or with "source" and
    "target") is turned into one when the run begins.
    """

    train: str
    validation: str
    tokenizer: str  # a tokenizer.json, or the folder that holds it
    whole_documents: bool = True  # a row begins where a document begins, and cuts none it can hold


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW (Loshchilov and Hutter, 2019), warm-up, perhaps a plateau, then half a cosine.

    With a plateau a run can be made longer after it began: until it falls, the rate does not
    depend on how many steps there will be.
    """

    learning_rate: float = 1e-3  # its peak
    final_learning_rate: float = 1e-4
    warmup_steps: int = 200
    decay_steps: int = 0  # of the fall at the end; 0: all that follow the warm-up
    weight_decay: float = 0.1  # of matrices; vectors (norms and biases) do not decay
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    clip: float = 1.0  # the largest norm of the gradient; 0: no limit


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run; the same values give the same losses on one device.

    Raises:
        ValueError: a choice that does not exist, or a number out of its range.
    """

    name: str
    folder: str  # the run's own: checkpoints, logs, samples and at the end the model
    data: DataConfig
    model: dict  # fields of TransformerConfig; vocab_size is the tokenizer's unless given
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    start: str = ""  # the folder of a trained model to begin with (fine-tuning); "": chance
    seed: int = 0
    steps: int = 1000
    batch_size: int = 16  # rows (or pairs) a step, over all processes together
    micro_batch_size: int = 0  # rows at once in one process; 0: all of its share
    row_length: int = 0  # tokens of a row; 0: the model's context_length
    device: str = "auto"  # as llmlab.load takes it
    precision: str = "auto"  # of matrix products; auto: bfloat16 where the processor has it
    compile: bool = False  # torch.compile
    threads: int = 0  # of the CPU; 0: PyTorch's choice
    sharding: str = "ddp"  # under torchrun: ddp or fsdp
    evaluate_every: int = 250
    evaluation_batches: int = 20
    checkpoint_every: int = 250
    samples: tuple[str, ...] = ()  # prompts continued at each checkpoint
    sample_tokens: int = 40
    weights: str = "bfloat16"  # of the model that is saved at the end: float32, bfloat16, int8

    def __post_init__(self) -> None:
        at_least = {"steps": 1, "batch_size": 1, "evaluate_every": 1, "evaluation_batches": 1}
        at_least |= {"checkpoint_every": 1, "sample_tokens": 1, "seed": 0, "threads": 0}
        at_least |= {"micro_batch_size": 0, "row_length": 0}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)} must be at least {least}")
        choices = {"precision": PRECISIONS, "sharding": SHARDINGS}
        choices["weights"] = ("float32", "bfloat16", "int8")
        for name, allowed in choices.items():
            given = getattr(self, name)
            if given not in allowed:
                raise ValueError(f"{name}={given!r} is not known; {near(given, allowed)}")
        self._check_optimizer()

    def _check_optimizer(self) -> None:
        o = self.optimizer
        for name in ("learning_rate", "final_learning_rate", "weight_decay", "clip"):
            if not 0 <= getattr(o, name) < math.inf:
                raise ValueError(f"optimizer.{name}={getattr(o, name)} must be 0 or above")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(o, name) < 1:
                raise ValueError(f"optimizer.{name}={getattr(o, name)} must be from 0 to below 1")
        if not 0 < o.epsilon < 1:
            raise ValueError(f"optimizer.epsilon={o.epsilon} must be above 0 and below 1")
        for name in ("warmup_steps", "decay_steps"):
            if getattr(o, name) < 0:
                raise ValueError(f"optimizer.{name}={getattr(o, name)} must be at least 0")

    def transformer(self, vocab_size: int) -> TransformerConfig:
        """The model's shape, for a tokenizer of so many tokens.

        Raises:
            ValueError: an unknown field, sizes that do not divide, or a vocab_size that is too
                small for the tokenizer.
        """
        values = {"vocab_size": vocab_size, **self.model}
        config = from_values(TransformerConfig, values, "model")
        if config.vocab_size < vocab_size:
            raise ValueError(
                f"model.vocab_size={config.vocab_size} is smaller than the tokenizer's "
                f"{vocab_size} tokens; leave it out, or give at least {vocab_size}"
            )
        return config

    def to_dict(self) -> dict:
        """Plain values, every default among them."""
        values = dataclasses.asdict(self)
        return values | {"samples": list(self.samples)}


def read_config(path: str | Path) -> TrainingConfig:
    """A run's configuration from a YAML file; its paths become absolute.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not YAML, an unknown or missing key, or a value of another type.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; expected a YAML configuration")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _loader(yaml))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no keys with values; expected name, folder, data, model, …")
    try:
        return config_from(values, path.resolve().parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def config_from(values: Mapping, folder: str | Path = ".") -> TrainingConfig:
    """A configuration from plain values; its paths count from the folder."""
    config = from_values(TrainingConfig, values, "")
    at = lambda path: str((Path(folder) / Path(path).expanduser()).resolve())  # noqa: E731
    data = dataclasses.replace(
        config.data,
        train=at(config.data.train),
        validation=at(config.data.validation),
        tokenizer=at(config.data.tokenizer),
    )
    start = at(config.start) if config.start else ""
    return dataclasses.replace(config, data=data, folder=at(config.folder), start=start)


def _loader(yaml):
    """YAML's safe loader, which also refuses a key that stands twice."""

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            seen = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if isinstance(key, str) and key in seen:
                    raise yaml.YAMLError(f"the key {key} stands twice, {key_node.start_mark}")
                seen.add(key if isinstance(key, str) else None)
            return super().construct_mapping(node, deep)

    return Loader
