"""Count n-grams in nearly as much text as `mini` learnt from, and write down their loss.

    llmlab corpus training/data
    python tools/ngram_curve.py training/data/texts-train.bin

writes llmlab/lessons/ngram_curve.json: the mean loss of n-gram models on held-out texts of the
small world, by the number of texts that were counted. The largest count takes half an hour and
about 12 GB of memory, too much for a chapter; the smallest are those that chapter 4 makes itself.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import llmlab
from llmlab.corpus.build import SEEDS, texts
from llmlab.lessons import NGramModel
from llmlab.training.token_file import TokenFile

TARGET = Path(llmlab.__file__).parent / "lessons" / "ngram_curve.json"
HELD_OUT = 300  # of each language
# Of both languages together; the last is four fifths of the file that mini learnt from.
SIZES = (20_000, 80_000, 320_000, 990_000)
ORDERS = (3, 5, 8)


def documents(file: TokenFile, n: int) -> Iterator[list[int]]:
    """The first n documents, each with its <eos> and without its <bos>."""
    starts = [0, *(file.ends[: n - 1] + 1)]
    for start, end in zip(starts, file.ends[:n], strict=True):
        yield file.tokens[start + (file.bos_id is not None) : end + 1].tolist()


def main(path: str) -> None:
    tokenizer = llmlab.load("mini").tokenizer
    (eos,) = tokenizer.eos_ids
    held_out = [[*tokenizer.encode(text), eos] for text in texts(SEEDS["validation"], HELD_OUT)]
    n_tokens = sum(map(len, held_out))
    file = TokenFile.open(path)
    rows = []
    for size in SIZES:
        counted = sum(map(len, documents(file, size)))
        for order in ORDERS:
            model = NGramModel(documents(file, size), order, tokenizer.vocab_size)
            loss = -sum(map(model.log_probability, held_out)) / n_tokens
            stored = sum(len(row) for level in model.counts for row in level.values())
            rows.append(
                {"texts": size, "tokens": counted, "order": order, "stored": stored, "loss": loss}
            )
            print(rows[-1], flush=True)
            del model
            gc.collect()
    about = {"smoothing": "KneserNey", "held_out_texts": 2 * HELD_OUT, "rows": rows}
    TARGET.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
