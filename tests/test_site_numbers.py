"""The numbers on the built pages, read off in a browser, against Hugging Face's models in torch.

Nothing on the expected side goes through llmlab's transformer: token ids are taken from the
page, and all else is worked out from Hugging Face's model here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import llmlab
from llmlab.views import visible
from tests.conftest import ROOT
from tests.fixtures_reference import build_reference_mini
from tests.test_next_token_browser import warped
from tests.test_site import UNFOLD, stored_drawings


def pages_with(kind: str) -> list[str]:
    """Every page whose notebook holds a view of a kind."""
    names = (f"chapters/{path.stem}.html" for path in sorted((ROOT / "chapters").glob("*.ipynb")))
    return [name for name in names if kind in stored_drawings(name)]


def states(page: Path, kind: str) -> list[dict]:
    """The states of a page's views of a kind, as they stand in its file."""
    pattern = rf'<div class="llmlab-view" data-esm="{kind}"[^>]*><script[^>]*>(.*?)</script>'
    return [json.loads(text) for text in re.findall(pattern, page.read_text(encoding="utf-8"))]


@pytest.fixture
def drawn(page, site: str, site_folder: Path):
    """A function that opens a page of the site and returns its views of a kind.

    Each view is its state, for the token ids, and its drawn element, for all that is read.
    """

    def draw(name: str, kind: str) -> list[tuple]:
        page.goto(f"{site}/{name}")
        views = []
        for index, state in enumerate(states(site_folder / name, kind)):
            selector = f".llmlab-view[data-esm={kind}]"
            box = page.locator(selector).nth(index)
            assert box.evaluate(UNFOLD)
            page.wait_for_function(
                "([selector, i]) => document.querySelectorAll(selector)[i].dataset.ready",
                arg=[selector, index],
            )
            views.append((state, box))
        assert len(views) == stored_drawings(name).count(kind)
        return views

    return draw


@pytest.fixture(scope="module")
def references(reference_gemma, gemma) -> dict[str, tuple]:
    """By the name of a model: Hugging Face's class with its weights, its tokenizer, and how far
    the page's percentages may be off because its matrices stayed in blocks of integers.

    Hugging Face has no class for mini-translate: what its views show is compared in chapter 15
    and in the tests of the engine.
    """
    mini = llmlab.load("mini", "cpu")
    return {
        "gemma-3-270m": (reference_gemma, gemma.tokenizer, 0.0),
        "mini": (build_reference_mini(), mini.tokenizer, 0.35),
    }


def compared(views: list[tuple], references: dict) -> list[tuple]:
    """Each view that there is a reference for, with what `references` has of its model."""
    return [
        (state, box, *references[state["model_name"]])
        for state, box in views
        if state["model_name"] in references
    ]


def rows_of(box, selector: str) -> list[list[str]]:
    """The texts of a table's body cells, headers included."""
    return box.locator(f"{selector} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    )


def value(text: str) -> float:
    """The number in a cell: "−1.015" is -1.015, "75.44 %" is 75.44, "< 0.01 %" is 0."""
    return 0.0 if text.startswith("<") else float(text.replace("−", "-").removesuffix(" %"))


def torchs_attention(model, ids: list[int]) -> Tensor:
    """Hugging Face's weights after softmax, (layer, head, query, key)."""
    with torch.inference_mode():
        return torch.cat(model(torch.tensor([ids]), output_attentions=True).attentions)


@pytest.mark.parametrize("name", pages_with("attention"))
def test_attention_on_the_page_is_torchs(drawn, references, name: str) -> None:
    for state, box, reference, tokenizer, slack in compared(drawn(name, "attention"), references):
        ids = [token["id"] for token in state["tokens"]]
        expected = 100 * torchs_attention(reference, ids)  # per cent
        # What a number's last written digit leaves open, and float16 where it is the record.
        rounding = slack + (0.006 if state["weights"]["dtype"] == "float32" else 0.03)

        title = box.locator(".chosen-map h4").inner_text()
        layer, head = map(int, re.fullmatch(r"Layer (\d+), head (\d+)", title).groups())
        box.locator("summary").click()
        box.locator("details table").wait_for()
        rows = rows_of(box, "details")
        assert [row[0] for row in rows] == [visible(tokenizer.token(id).text) for id in ids]
        for query, (_, *cells) in enumerate(rows):
            assert len(cells) == len(ids)
            assert cells[query + 1 :] == ["masked"] * (len(ids) - query - 1)
            read = torch.tensor([value(text) for text in cells[: query + 1]])
            torch.testing.assert_close(
                read, expected[layer, head, query, : query + 1], atol=rounding, rtol=0
            )

        labels = box.locator(".head-cell").evaluate_all(
            "cells => cells.map(cell => cell.getAttribute('aria-label'))"
        )
        assert len(labels) == expected.shape[0] * expected.shape[1]
        for label in labels:
            place = re.fullmatch(r"layer (\d+), head (\d+)\. Strongest: .* with (.*)", label)
            layer, head, share = place.groups()
            largest = float(expected[int(layer), int(head)].max())
            assert value(share) == pytest.approx(largest, abs=0.05 + rounding), label


@pytest.mark.parametrize("name", pages_with("attention"))
def test_softmax_of_the_pages_scores_is_torchs(drawn, references, name: str) -> None:
    views = compared(drawn(name, "attention"), references)
    with_scores = [view for view in views if view[0]["scores"] is not None]
    for state, box, reference, _, slack in with_scores:
        ids = [token["id"] for token in state["tokens"]]
        title = box.locator(".chosen-map h4").inner_text()
        layer, head = map(int, re.findall(r"\d+", title))
        *rows, _ = rows_of(box, ".steps")
        after_mask = [cells[3] for cells in rows]
        masked = [text.startswith("masked") for text in after_mask]
        query = masked.index(True) - 1 if any(masked) else len(ids) - 1
        read = torch.tensor([value(text) for text in after_mask[: query + 1]])
        expected = torchs_attention(reference, ids)[layer, head, query, : query + 1]
        # As logarithms, so that a key of little weight counts too; scores are written to 0.0005.
        torch.testing.assert_close(read.log_softmax(dim=0), expected.log(), atol=2e-3 + slack, rtol=0)


@pytest.mark.parametrize("name", pages_with("next_token"))
def test_next_tokens_on_the_page_are_torchs(drawn, references, name: str) -> None:
    views = compared(drawn(name, "next_token"), references)
    for state, box, reference, _, slack in views:
        branch = state["branches"][state["branch"]]  # the one that is shown at first
        prompt = [token["id"] for token in state["prompt"]]
        chosen = [step["ids"][step["chosen"]] for step in branch["steps"]]
        with torch.inference_mode():
            logits = reference(torch.tensor([prompt + chosen[:-1]])).logits[0]
        for index, row in enumerate(logits[len(prompt) - 1 :].double()):
            box.get_by_role("radio").nth(index).click()
            step = branch["steps"][index]
            p = 100 * row.softmax(dim=-1)
            sampling = warped(row, step["temperature"], step["top_k"], step["top_p"])
            cells = box.locator(".llmlab-candidates tbody tr[data-id]").evaluate_all(
                "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
            )
            read = [int(id) for _, id, *_ in cells]
            assert slack or read[:5] == row.topk(5).indices.tolist()
            assert read[0] == int(row.argmax())
            for _, id, logit, probability, share, *_ in cells:
                assert value(logit) == pytest.approx(float(row[int(id)]), abs=0.011 + slack)
                assert value(probability) == pytest.approx(float(p[int(id)]), abs=0.011 + slack)
                drawn_share = 0.0 if share == "–" else value(share)
                assert drawn_share == pytest.approx(100 * float(sampling[int(id)]), abs=0.011 + slack)
            # The draw, as written, falls on the token that is marked as chosen.
            draw = float(re.search(r"\d\.\d{4}", box.locator(".llmlab-draw").inner_text())[0])
            order = sampling.sort(descending=True, stable=True)
            ends = order.values.cumsum(dim=0)
            edge = 1e-4 + slack / 100
            reached = {int(order.indices[(ends > draw + e).nonzero()[0]]) for e in (-edge, edge)}
            marked = box.locator(".llmlab-candidates tr.llmlab-chosen").get_attribute("data-id")
            assert int(marked) in reached


@pytest.mark.parametrize("name", pages_with("embedding"))
def test_cosines_on_the_page_are_torchs(drawn, references, name: str) -> None:
    views = compared(drawn(name, "embedding"), references)
    for state, box, reference, tokenizer, _ in views:
        table = reference.get_input_embeddings().weight  # (vocab, d_model)
        words = box.locator(".llmlab-words").get_by_role("radio").all_inner_texts()
        assert words == [word["text"] for word in state["words"]]
        vectors = torch.stack(
            [table[tokenizer.encode(word)].mean(dim=0) for word in words]
        )  # (word, d_model)
        expected = F.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
        cells = box.locator(".llmlab-heat td").all_inner_texts()
        read = torch.tensor([value(text) for text in cells]).reshape(expected.shape)
        torch.testing.assert_close(read, expected, atol=6e-4, rtol=0)

        # The neighbours of the word that is shown first are the nearest of the vocabulary.
        cosines = F.cosine_similarity(table, vectors[state["word"]], dim=-1)  # (vocab,)
        rows = rows_of(box, ".llmlab-neighbours")
        assert rows
        for _, id, cosine in rows:
            assert value(cosine) == pytest.approx(float(cosines[int(id)]), abs=6e-4)
        shown = [int(id) for _, id, _ in rows]
        others = cosines.clone()
        others[shown + tokenizer.encode(words[state["word"]])] = -1
        assert float(others.max()) <= float(cosines[shown].min()) + 1e-5


def test_views_of_every_kind_are_compared() -> None:
    assert all(pages_with(kind) for kind in ("attention", "next_token", "embedding"))
