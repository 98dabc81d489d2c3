"""The checks of chapter 3: right answers pass, and each typical mistake is named."""

import json
import math
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import pytest
import torch

from llmlab.exercises import chapter_03
from llmlab.sampling import Distribution, apply_temperature, keep_top_p

CHAPTER = Path(__file__).parent.parent / "chapters" / "03_generating_language.ipynb"


def kept_tokens(shares, p):
    """The ids that top-p keeps, by the standard library alone."""
    kept, mass = [], 0.0
    for id in sorted(range(len(shares)), key=lambda id: -shares[id]):
        if kept and mass >= p:
            break
        kept.append(id)
        mass += shares[id]
    return kept


def top_p(logits, p):
    weights = [math.exp(x) for x in logits.tolist()]
    shares = [weight / sum(weights) for weight in weights]
    kept = kept_tokens(shares, p)
    whole = sum(shares[id] for id in kept)
    return [share / whole if id in kept else 0.0 for id, share in enumerate(shares)]


def written_out(
    *,
    descending=True,
    keep=lambda ordered, p: ordered.cumsum(0) - ordered < p,
    normal=lambda kept: kept / kept.sum(),
    back=lambda kept, order: torch.zeros_like(kept).scatter(0, order, kept),
):
    """top_p(logits, p), with a place for every mistake."""

    def top_p(logits, p):
        ordered, order = logits.softmax(0).sort(descending=descending)
        return back(normal(ordered * keep(ordered, p)), order)

    return top_p


def in_place(logits, p):
    logits -= logits.max()
    return torch.tensor(top_p(logits, p))


def unsorted(logits, p):
    shares = logits.softmax(0)
    kept = shares * (shares.cumsum(0) - shares < p)
    return kept / kept.sum()


def loop(
    *,
    read=lambda prompt, new: prompt + new,
    order=lambda shares: sorted(range(len(shares)), key=lambda id: -shares[id]),
    place=lambda sums, draw: min(bisect_right(sums, draw), len(sums) - 1),
    chosen=lambda order, place: order[place],
    draw=lambda draws, step: draws[step],
    ends=lambda new, end: new[-1] == end,
    result=lambda prompt, new, end: new,
):
    """write(next_logits, ids, draws, end), with a place for every mistake."""

    def write(next_logits, ids, draws, end):
        new = []
        for step in range(len(draws)):
            shares = next_logits(read(list(ids), new)).softmax(0).tolist()
            line = order(shares)
            sums = list(accumulate(shares[id] for id in line))
            new.append(chosen(line, place(sums, draw(draws, step))))
            if ends(new, end):
                break
        return result(list(ids), new, end)

    return write


def into_the_prompt(next_logits, ids, draws, end):
    given = len(ids)
    for id in loop()(next_logits, list(ids), draws, end):
        ids.append(id)
    return ids[given:]


def asking_once_more(next_logits, ids, draws, end):
    new = loop()(next_logits, ids, draws, end)
    next_logits(ids + new)
    return new


RIGHT = {
    "3.1": [["些", "水", "点", "一些"], ("些", "水", " 点", "一些")],
    "3.2": [
        [0.64, 0.36, 0, 0],
        apply_temperature(torch.tensor([0.4, 0.3, 0.2, 0.1]).log(), 0.5).softmax(0)
        * torch.tensor([1.2, 1.2, 0, 0]),
        keep_top_p(torch.tensor([0.4, 0.3, 0.2, 0.1]).log() / 0.5, 0.8).softmax(0),
    ],
    "3.3": [
        top_p,
        written_out(),
        lambda logits, p: keep_top_p(logits, p).softmax(0),
    ],
    "3.4": [
        loop(),
        lambda *given: torch.tensor(loop()(*given)),
        lambda *given: [torch.tensor(id) for id in loop()(*given)],
    ],
}

WRONG = {
    "3.1": [
        (["一些", "水", "点", "一些"], "over the whole vocabulary"),
        (["水"] * 4, "that is greedy"),
        (["水", "一些", "水", "水"], "own share is nearest"),
        (["点", "水", "水", "些"], "one line too early"),
        (["水", "一些", "点", "水"], "began at the bottom"),
        (["些", "水", "些", "一些"], "the draw 0.40 does not fall on 些"),
        (["些", "水", "点"], "expected 4 tokens"),
        (["些", "水", "点", "热水"], "not a token of the table"),
        ("些", "expected a list"),
    ],
    "3.2": [
        ([64, 36, 0, 0], "per cent"),
        ([0.552, 0.310, 0.138, 0], "before the temperature"),
        ([0.444, 0.333, 0.222, 0], "the temperature does nothing"),
        ([0.389, 0.337, 0.275, 0], "square roots"),
        ([0.533, 0.3, 0, 0], "now divide what is kept"),
        ([0.16, 0.09, 0, 0], "the squares are right"),
        ([0.533, 0.3, 0.133, 0.033], "now top-p drops"),
        ([1, 0, 0, 0], "top-p keeps the token"),
        ([0.5, 0.5, 0.5, 0], "sum to 1.50"),
        ([0.7, 0.3, 0, 0], "not what the draw falls on"),
        ([0.64, 0.36], "expected four numbers"),
    ],
    "3.3": [
        (written_out(back=lambda kept, order: kept), "in falling order"),
        (written_out(normal=lambda kept: kept), "now divide by their sum"),
        (lambda x, p: keep_top_p(x, p), "these are logits"),
        (written_out(keep=lambda s, p: s.cumsum(0) <= p), "you drop the token"),
        (
            written_out(keep=lambda s, p: torch.arange(len(s)) % 2 == 0),
            "the kept tokens are numbers",
        ),
        (
            written_out(
                keep=lambda s, p: torch.tensor([True, *(s.cumsum(0) - s < p).tolist()[:-1]])
            ),
            "one token too many",
        ),
        (written_out(keep=lambda s, p: s >= p), "nan at p = 0.5"),
        (unsorted, "in the order of the vocabulary"),
        (written_out(descending=False), "the least likely"),
        (lambda x, p: x.softmax(0), "p does nothing"),
        (lambda x, p: torch.tensor(top_p(x, p)) > 0, "which tokens are kept"),
        (lambda x, p: torch.tensor([q for q in top_p(x, p) if q]), "expected 5 probabilities"),
        (lambda x, p: (keep_top_p(x, p) / 2).softmax(0), "you keep the right tokens"),
        (lambda x, p: 0.5, "expected a tensor of probabilities"),
        (in_place, "changes the logits"),
        (lambda x, p: None, "returns nothing"),
        ("top_p", "expected a function"),
    ],
    "3.4": [
        (loop(read=lambda prompt, new: prompt), "nothing was appended"),
        (loop(read=lambda prompt, new: (prompt + new)[-1:]), "only the last token at each step"),
        (loop(place=lambda sums, draw: 0), "you took the likeliest"),
        (loop(order=lambda shares: range(len(shares))), "in the order of the vocabulary"),
        (loop(chosen=lambda line, place: place), "this is the rank"),
        (loop(draw=lambda draws, step: draws[0]), "the first draw chose"),
        (loop(ends=lambda new, end: False), "you went on after the end"),
        (loop(result=lambda prompt, new, end: [i for i in new if i != end]), "is missing"),
        (loop(result=lambda prompt, new, end: prompt + new), "without the prompt"),
        (loop(result=lambda prompt, new, end: new[0]), "only the first token"),
        (loop(result=lambda prompt, new, end: new[-1]), "only the last token is there"),
        (loop(result=lambda prompt, new, end: new[:3]), "expected 6 ids"),
        (loop(result=lambda prompt, new, end: new[::-1]), "differ first at step 0"),
        (into_the_prompt, "changes the prompt's list"),
        (asking_once_more, "was asked 7 times"),
        (lambda *given: "text", "expected a list of ids"),
        (lambda next_logits: next_logits, "stopped with TypeError"),
        ([3, 4], "expected a function"),
    ],
}


@pytest.mark.parametrize("p", [0.8, 0.5, 0.25, 1.0])
def test_the_references_agree_with_the_package(p):
    expected = Distribution(chapter_03.LOGITS, top_p=p)
    for reference in RIGHT["3.3"]:
        got = torch.as_tensor(reference(chapter_03.LOGITS, p))
        torch.testing.assert_close(
            got[expected.ids].double(), torch.from_numpy(expected.sampling_probabilities)
        )


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    printed = "\n".join(
        "".join(output.get("text", ""))
        for cell in cells
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    )
    rows = zip(chapter_03.CANDIDATES, chapter_03.PROBABILITIES, chapter_03.SAMPLING)
    for token, probability, sampling in rows:
        line = f"p {100 * probability:5.1f} %   sampling p {100 * sampling:5.1f} %   {token}"
        assert line in printed
    draws = [f"{draw:.2f}" for draw in chapter_03.DRAWS]
    assert f"the draws {', '.join(draws[:-1])} and {draws[-1]}" in prose
    shares = ", ".join(f"{share:g}" for share in chapter_03.SHARES.tolist())
    assert f"the shares {shares}" in prose
    assert f"temperature {chapter_03.TEMPERATURE:g}, then top-p {chapter_03.TOP_P:g}" in prose
