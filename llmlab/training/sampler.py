"""Batches drawn from a token file; which ones, a seed and two integers decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .loss import IGNORED
from .token_file import TokenFile


@dataclass(frozen=True)
class Batch:
    """Rows to learn from.

    Attributes:
        ids: (row, position), what the decoder (or the decoder-only model) reads.
        targets: (row, position), the token that follows each; IGNORED where none is asked for.
        source: (row, source position), what the encoder reads; None without one.
        source_mask: the same shape, True where a real token stands.
        places: (row,), where each row's first target stands in the token file.
    """

    ids: Tensor
    targets: Tensor
    source: Tensor | None
    source_mask: Tensor | None
    places: np.ndarray

    @property
    def n_targets(self) -> int:
        return int((self.targets != IGNORED).sum())

    def rows(self, which: slice) -> Batch:
        """Some of the rows."""
        pick = lambda x: None if x is None else x[which]  # noqa: E731
        return Batch(
            self.ids[which],
            self.targets[which],
            pick(self.source),
            pick(self.source_mask),
            self.places[which],
        )

    def to(self, device: torch.device) -> Batch:
        move = lambda x: None if x is None else x.to(device, non_blocking=True)  # noqa: E731
        parts = (self.ids, self.targets, self.source, self.source_mask)
        return Batch(*map(move, parts), self.places)


class Sampler:
    """Goes through a file again and again, each time in another order.

    Every round (epoch) shows every row once, but for those that do not fill a last batch. What
    comes next follows from the seed, the epoch and the number of the batch in it, so ``state``
    is all a checkpoint keeps.
    """

    def __init__(self, file: TokenFile, batch_size: int, seed: int, shuffle: bool = True) -> None:
        self.file, self.batch_size, self.seed, self.shuffle = file, batch_size, seed, shuffle
        self.epoch = self.batch = 0
        self._plan(0)

    def next(self) -> Batch:
        """The next batch."""
        if self.batch == len(self._batches):
            self.epoch, self.batch = self.epoch + 1, 0
            self._plan(self.epoch)
        rows = self._batches[self.batch]
        self.batch += 1
        return self._read(rows)

    @property
    def state(self) -> dict[str, int]:
        return {"seed": self.seed, "epoch": self.epoch, "batch": self.batch}

    @state.setter
    def state(self, state: dict[str, int]) -> None:
        self.seed, self.epoch, self.batch = state["seed"], state["epoch"], state["batch"]
        self._plan(self.epoch)

    def __len__(self) -> int:
        """How many batches this epoch has."""
        return len(self._batches)

    def _plan(self, epoch: int) -> None:
        """Which rows make up each batch of an epoch: ``_batches``, (batch, row)."""
        raise NotImplementedError

    def _read(self, rows: np.ndarray) -> Batch:
        raise NotImplementedError

    def _random(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, epoch))


class TextSampler(Sampler):
    """Rows of one length from a file of texts.

    Args:
        length: tokens that a row reads.
        whole_documents: a row begins where a document begins and ends where its last whole
            document ends; the rest of it is padding, and only a document longer than a row is
            cut. Otherwise rows follow each other without a gap, from a start that each epoch
            moves.

    Raises:
        ValueError: pairs, or fewer tokens than one row.
    """

    def __init__(
        self,
        file: TokenFile,
        batch_size: int,
        length: int,
        seed: int = 0,
        whole_documents: bool = True,
        shuffle: bool = True,
    ) -> None:
        self.length, self.whole_documents = length, whole_documents
        if file.kind != "texts":
            raise ValueError(f"{file.path} holds {file.kind}; a decoder-only model learns texts")
        if not whole_documents and file.n_tokens <= length:
            raise ValueError(
                f"{file.path} has {file.n_tokens:,} tokens, and one row takes {length + 1:,}; give "
                "more text, or a smaller row_length"
            )
        super().__init__(file, batch_size, seed, shuffle)

    def _plan(self, epoch: int) -> None:
        random = self._random(epoch)
        if self.whole_documents:
            self._starts, self._ends = self._document_rows()
        else:
            spare = min(self.length, self.file.n_tokens - self.length - 1)
            offset = int(random.integers(spare + 1)) if epoch and self.shuffle else 0
            last = self.file.n_tokens - 1
            n_rows = (last - offset) // self.length
            self._starts = offset + self.length * np.arange(n_rows)
            self._ends = self._starts + self.length
        order = np.arange(len(self._starts))
        if self.shuffle:
            random.shuffle(order)
        self._batches = full_batches(order, self.batch_size)

    def _document_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each row begins and ends: its targets are those after start, up to end."""
        if hasattr(self, "_starts"):
            return self._starts, self._ends  # the same in every epoch
        ends = self.file.ends  # of documents, whose last token each is
        lead = 0 if self.file.bos_id is None else 1  # a document's own first token begins it
        starts, stops = [], []
        at, last = (int(ends[0]) if lead == 0 else 0), int(ends[-1])
        while at < last:
            n_ended = int(np.searchsorted(ends, at + self.length, side="right"))
            end = int(ends[n_ended - 1]) if n_ended else -1
            is_whole = end > at
            if not is_whole:  # a document longer than a row goes on in the next
                end = min(at + self.length, last)
            starts.append(at)
            stops.append(end)
            at = end + lead if is_whole else end
        return np.array(starts), np.array(stops)

    def _read(self, rows: np.ndarray) -> Batch:
        ids = np.full((len(rows), self.length), self.file.pad_id, dtype=np.int64)
        targets = np.full((len(rows), self.length), IGNORED, dtype=np.int64)
        for i, row in enumerate(rows):
            piece = self.file.tokens[self._starts[row] : self._ends[row] + 1].astype(np.int64)
            ids[i, : len(piece) - 1] = piece[:-1]
            targets[i, : len(piece) - 1] = piece[1:]
            if self.file.bos_id is not None:  # after <eos> nothing is asked: <bos> always comes
                targets[i, : len(piece) - 1][piece[1:] == self.file.bos_id] = IGNORED
        places = self._starts[rows] + 1
        return Batch(torch.from_numpy(ids), torch.from_numpy(targets), None, None, places)


def full_batches(order: np.ndarray, batch_size: int) -> np.ndarray:
    """(batch, row); fewer rows than one batch are repeated to fill it."""
    if len(order) < batch_size:
        return np.resize(order, (1, batch_size))
    n_batches = len(order) // batch_size
    return order[: n_batches * batch_size].reshape(n_batches, batch_size)
