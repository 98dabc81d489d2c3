"""Batches of pairs for an encoder-decoder."""

from __future__ import annotations

import numpy as np
import torch

from .loss import IGNORED
from .sampler import Batch, Sampler, full_batches
from .token_file import TokenFile

BUCKET = 64  # batches among which pairs are sorted by length


class PairSampler(Sampler):
    """Pairs for an encoder-decoder, those of like length together, so that little is padding.

    An epoch shuffles the pairs, sorts each BUCKET of batches by length, and shuffles the batches
    (length buckets, as in Vaswani et al., 2017, section 5.1).

    Args:
        length: the longest source or target; longer ones are cut.
        start_id: what the decoder reads first.

    Raises:
        ValueError: a file of texts.
    """

    def __init__(
        self,
        file: TokenFile,
        batch_size: int,
        length: int,
        start_id: int,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        self.length, self.start_id = length, start_id
        if file.kind != "pairs":
            raise ValueError(f"{file.path} holds {file.kind}; an encoder-decoder learns pairs")
        ends = file.ends.reshape(-1, 2)
        self._source_ends, self._target_ends = ends[:, 0], ends[:, 1]
        self._source_starts = np.concatenate(([0], self._target_ends[:-1] + 1))
        super().__init__(file, batch_size, seed, shuffle)

    def _plan(self, epoch: int) -> None:
        order = np.arange(len(self._source_ends))
        random = self._random(epoch)
        if self.shuffle:
            random.shuffle(order)
        order = full_batches(order, self.batch_size).reshape(-1)  # what is left out is random
        size = BUCKET * self.batch_size
        source_length = self._source_ends - self._source_starts
        target_length = self._target_ends - self._source_ends
        batches = []
        for start in range(0, len(order), size):
            bucket = order[start : start + size]
            by_length = np.lexsort((source_length[bucket], target_length[bucket]))
            batches.append(bucket[by_length].reshape(-1, self.batch_size))
        self._batches = np.concatenate(batches)
        if self.shuffle:
            random.shuffle(self._batches)

    def _read(self, rows: np.ndarray) -> Batch:
        file, eos = self.file, self.file.eos_id
        room = self.length - file.source_ends_in_eos
        sources, targets = [], []
        for row in rows:
            middle = self._source_ends[row]
            source = file.tokens[self._source_starts[row] : middle][:room].tolist()
            sources.append(source + [eos] * file.source_ends_in_eos)
            target = file.tokens[middle + 1 : self._target_ends[row] + 1][: self.length]
            targets.append(target.tolist())
        longest = max(map(len, targets))
        ids = np.full((len(rows), longest), file.pad_id, dtype=np.int64)
        labels = np.full((len(rows), longest), IGNORED, dtype=np.int64)
        source = np.full((len(rows), max(map(len, sources))), file.pad_id, dtype=np.int64)
        mask = np.zeros(source.shape, dtype=bool)
        for i, (read, written) in enumerate(zip(sources, targets, strict=True)):
            source[i, : len(read)] = read
            mask[i, : len(read)] = True
            labels[i, : len(written)] = written
            ids[i, : len(written)] = [self.start_id, *written[:-1]]
        return Batch(
            *map(torch.from_numpy, (ids, labels, source, mask)), self._source_ends[rows] + 1
        )
