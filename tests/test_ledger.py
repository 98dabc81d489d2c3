"""The ledger of claims: every value measured again, the file, the page, the command."""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import pkgutil
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
import yaml

from llmlab import ledger
from llmlab.book.ledger import in_words, summary
from llmlab.ledger import claims as claims_module
from llmlab.ledger import command, measures, recompute
from llmlab.ledger.claims import CHAPTERS, VERDICTS, counts
from llmlab.ledger.shown import filled, is_steady, kept, placeholders, shown
from tests.conftest import ROOT
from tests.test_book import HOSTILE, build

FILE = ROOT / "chapters" / "claims.yaml"


@pytest.fixture(scope="module")
def book() -> ledger.Ledger:
    return ledger.read(FILE)


@pytest.fixture(scope="module")
def found(book: ledger.Ledger, gemma) -> dict[str, dict]:
    """What every measure finds now."""
    names = dict.fromkeys(claim.measure for claim in book.claims if claim.measure)
    return {name: ledger.measure(name, lambda: gemma) for name in names}


def all_measures() -> set[str]:
    """The names of all measures: the functions that return a dict."""
    names = set()
    for module in pkgutil.iter_modules(measures.__path__):
        loaded = importlib.import_module(f"{measures.__name__}.{module.name}")
        for name, function in vars(loaded).items():
            if inspect.isfunction(function) and function.__module__ == loaded.__name__:
                if inspect.signature(function).return_annotation == "dict":
                    names.add(f"{module.name}.{name}")
    return names


# The measured values -----------------------------------------------------------------------------


def test_every_value_is_what_is_measured_now(book, found) -> None:
    measured = [claim for claim in book.claims if claim.measure]
    differing = [
        str(difference)
        for claim in measured
        for difference in ledger.differences(claim, found[claim.measure])
    ]
    assert not differing
    assert len(measured) > 150


def test_values_stand_away_from_rounding_edges(book, found) -> None:
    unsteady = [
        f"{claim.id}: {name} is {found[claim.measure][name]!r}, shown by {spec!r}"
        for claim in book.claims
        if claim.measure
        for name, spec in placeholders(claim.finding).items()
        if not is_steady(found[claim.measure][name], spec)
    ]
    assert not unsteady


def test_every_measure_and_every_value_is_used(book, found) -> None:
    assert set(found) == all_measures()
    shown_names: dict[str, set[str]] = {}
    for claim in book.claims:
        shown_names.setdefault(claim.measure, set()).update(placeholders(claim.finding))
    unused = {name: set(values) - shown_names[name] for name, values in found.items()}
    assert not {name: values for name, values in unused.items() if values}


def test_counts_by_hand(found) -> None:
    # GPT-3: table 2.1 of Brown et al. (2020). The rest with pencil and paper.
    gpt3 = found["counts.gpt3_attention"]
    assert gpt3["matrix"] == 12_288 * 12_288 == 150_994_944
    assert gpt3["product"] == 4 * 150_994_944 * 96 == 57_982_058_496
    assert found["counts.gpt3_tokens"]["count"] == 50_257 * 12_288
    assert found["counts.gpt3_tokens"]["share"] == pytest.approx(0.6176 / 174.6, abs=1e-5)
    assert found["counts.gpt3_feedforward"]["product"] == 8 * 12_288**2 * 96
    work = found["work.four_tokens"]
    by_hand = 2 * 4 * 36 * 12 * 768**2 + 4 * 36 * 16 * 768 + 2 * 50_000 * 768
    assert work["total"] == work["rule"] == by_hand
    neuron = found["simple_network.worked_neuron"]
    assert neuron["sum"] == pytest.approx(3.2 - 31.03 - 3.92 + 5.152, abs=1e-9)


def test_values_beside_hugging_face(found, reference_gemma, gemma) -> None:
    def run(text: str):
        ids = torch.tensor([gemma.tokenizer.encode(text, special=True)])
        with torch.inference_mode():
            return reference_gemma(ids, output_attentions=True)

    def of(text: str, word: str) -> float:
        (id,) = gemma.tokenizer.encode(word)
        return float(run(text).logits[0, -1].softmax(-1)[id])

    apple = found["looking.apple"]
    attention = torch.cat(run("我喜欢吃苹果").attentions)
    assert apple["eat"] == pytest.approx(float(attention[:, :, -1, -2].max()), abs=1e-3)
    company = torch.cat(run("苹果公司推出新品").attentions)
    back, ahead = float(company[:, :, 2, 1].max()), float(company[:, :, 1, 2].max())
    assert found["looking.company"]["back"] == pytest.approx(back, abs=1e-3)
    assert found["looking.company"]["ahead"] == ahead == 0
    assert found["order.rotation_off"]["on"] == pytest.approx(of("我爱北京天安", "门"), abs=1e-3)
    assert found["next_token.gravity"]["wave"] == pytest.approx(of("请解释一下引力", "波"), abs=1e-4)
    table = reference_gemma.get_input_embeddings().weight
    a, b = (table[gemma.tokenizer.encode(word)[0]] for word in ("学习", "训练"))
    cosine = float(torch.cosine_similarity(a, b, dim=0))
    assert found["meanings.learning_and_others"]["train"] == pytest.approx(cosine, abs=1e-4)


# The file ----------------------------------------------------------------------------------------


def test_counts_by_verdict(book) -> None:
    assert len(book.claims) >= 180
    assert counts(book.claims) == {
        "holds": 77, "holds in kind": 64, "corrected": 49, "not tested": 10
    }  # fmt: skip
    assert all(len(book.of(document.letter)) >= 15 for document in book.documents)
    # The page says "more than two thirds".
    good = sum(claim.verdict.startswith("holds") for claim in book.claims)
    assert good > 2 / 3 * len(book.claims)


def test_known_corrections_are_there(book) -> None:
    verdicts = {claim.id: claim.verdict for claim in book.claims}
    for id in ("c-96-heads", "c-0-7", "b-apple-company", "b-flops-total"):
        assert verdicts[id] == "corrected"


def test_chapters_that_exist_are_known() -> None:
    chapters = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")}
    assert chapters - {"playground"} <= set(CHAPTERS)  # which tests no claim
    assert len([stem for stem in CHAPTERS if stem[:2].isdigit()]) == 15


def test_every_document_is_on_the_page(book) -> None:
    page = (ROOT / "chapters" / "ledger.md").read_text(encoding="utf-8")
    for document in book.documents:
        assert f"```{{ledger}} {document.letter}\n" in page
        assert document.title.split(",")[0] in page or document.title.startswith("Untitled")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.append(dict(rows[0])), "is the id of 2 claims"),
        (lambda rows: rows[0].update(verdict="true"), "is none of"),
        (lambda rows: rows[0].update(document="Z"), "no document 'Z'"),
        (lambda rows: rows[0].update(chapters=["16_robots"]), "is no chapter"),
        (lambda rows: rows[0].update(finding="{"), "a-one"),
        (lambda rows: rows[0].update(finding="{x} and {x:.1f}"), "two formats"),
        (lambda rows: rows[0].update(finding="nothing"), "shows no measured value"),
        (lambda rows: rows[0].update(measured={"y": 1}), "llmlab ledger --write"),
        (lambda rows: rows[0].pop("measure"), "has a measure, or the verdict"),
        (lambda rows: rows[0].pop("how"), "a-one lacks how"),
        (lambda rows: rows[0].update(extra=1), "a-one has extra"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, change, words: str) -> None:
    rows = [small_row()]
    change(rows)
    with pytest.raises(ValueError, match=words.replace("-", r"\-")):
        ledger.read(small_file(tmp_path, rows))


def small_row(**changes) -> dict:
    row = {
        "id": "a-one", "document": "A", "claim": "It is so.", "chapters": ["08_softmax"],
        "how": "By hand.", "measure": "work.petabyte", "finding": "{decimal:,}",
        "measured": {"decimal": 1000}, "verdict": "holds",
    }  # fmt: skip
    return row | changes


def small_file(folder: Path, rows: list[dict]) -> Path:
    path = folder / "chapters" / "claims.yaml"
    path.parent.mkdir(exist_ok=True)
    data = {"documents": [{"letter": "A", "title": "T", "english": "E"}], "claims": rows}
    path.write_text("# A comment.\n" + yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


# How values are written --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (0.7544, ".1%", "75.4\N{NO-BREAK SPACE}%"),
        (-0.0385, ".4f", "−0.0385"),
        (57_982_058_496, ".2fB", "57.98\N{NO-BREAK SPACE}billion"),
        (2_117_001_216, ",.0fM", "2,117\N{NO-BREAK SPACE}million"),
        (4.63e-12, ".1e", "4.6 · 10⁻¹²"),
        (262_144, ",", "262,144"),
        ("门", "", "门"),
    ],
)
def test_values_as_they_are_shown(value, spec: str, text: str) -> None:
    assert shown(value, spec) == text
    assert shown(kept(value, spec), spec) == text
    assert filled(f"a {{x:{spec}}} b", {"x": value}) == f"a {text} b"


def test_an_edge_is_seen() -> None:
    assert is_steady(0.7544, ".1%") and not is_steady(0.754495, ".1%")
    assert is_steady(-26.598, ".3f") and not is_steady(0.0005, ".3f")
    assert is_steady(0.0, ".1f") and is_steady(3, "")
    assert not is_steady(4.6499e-12, ".1e") and is_steady(4.63e-12, ".1e")


# The command -------------------------------------------------------------------------------------


def options(path: Path, *ids: str, write: bool = False) -> argparse.Namespace:
    return argparse.Namespace(file=path, ids=list(ids), write=write)


def test_command_says_what_differs_and_stores_it(tmp_path: Path, capsys) -> None:
    path = small_file(tmp_path, [small_row(), small_row(id="a-two", measured={"decimal": 999})])
    assert command.run(options(path)) == 1
    assert "a-two: decimal is 999 in the file, now 1,000" in capsys.readouterr().out
    assert command.run(options(path, "a-one")) == 0
    assert command.run(options(path, write=True)) == 0
    assert path.read_text(encoding="utf-8").startswith("# A comment.\n")
    assert [claim.measured for claim in ledger.read(path).claims] == [{"decimal": 1000}] * 2
    assert command.run(options(path)) == 0
    assert "2 claims (2 holds, 0 holds in kind" in capsys.readouterr().out


def test_command_stores_what_is_missing_and_drops_what_is_not_shown(tmp_path: Path) -> None:
    missing, stale = small_row(), small_row(id="a-two", measured={"decimal": 1000, "binary": 1024})
    del missing["measured"]
    path = small_file(tmp_path, [missing, stale])
    with pytest.raises(ValueError, match="--write"):
        command.run(options(path))
    assert command.run(options(path, write=True)) == 0
    assert [claim.measured for claim in ledger.read(path).claims] == [{"decimal": 1000}] * 2


def test_command_names_what_it_does_not_know(tmp_path: Path) -> None:
    path = small_file(tmp_path, [small_row()])
    with pytest.raises(ValueError, match="no row 'a-six'"):
        command.run(options(path, "a-six"))
    with pytest.raises(ValueError, match=r"no measure 'work\.nothing'"):
        recompute.function("work.nothing")
    with pytest.raises(ValueError, match="there is no document 'Q'"):
        ledger.read(path).of("Q")


def test_the_books_file_is_written_as_it_stands(tmp_path: Path) -> None:
    # So that --write changes the lines of measured values and no others.
    copy = tmp_path / "claims.yaml"
    shutil.copy(FILE, copy)
    recompute.write(copy, {}, [])
    assert copy.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")


# The page ----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_built_table_is_data_and_follows_the_file(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if "\x00" not in text and "\ud800" not in text]
    source, target = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "_toc.yml").write_text("")
    (source / "index.md").write_text("# Title\n\n```{ledger}\n```\n\n```{ledger} A\n```\n")
    rows = [small_row(id=f"a-{i}", claim=text, how=text) for i, text in enumerate(texts)]
    path = small_file(source, rows)
    plain = ("-D", "smartquotes=0")  # which would make a dash of the hostile --
    result = build(source, target, *plain)
    assert result.returncode == 0, result.stderr
    page = Page(target / "index.html")
    for text in texts:
        assert text in page.text
    assert not [a for tag, a in page.tags if "onerror" in a or "onload" in a]
    anchors = {a.get("id") for tag, a in page.tags if tag == "tr"}
    assert anchors >= {f"a-{i}" for i in range(len(texts))}
    links = [a.get("href", "") for tag, a in page.tags if tag == "a"]
    assert "#a-0" in links and not any("08_softmax" in link for link in links)
    assert "8 Softmax" in page.text  # a chapter that is not there is named and not linked
    assert f"{len(texts)} claims" in page.text

    small_file(source, [small_row(claim="Another claim.")])
    os.utime(path, (os.stat(path).st_atime, os.stat(path).st_mtime + 10))
    assert build(source, target, *plain).returncode == 0
    assert "Another claim." in Page(target / "index.html").text

    small_file(source, [small_row(verdict="so-so")])
    os.utime(path, (os.stat(path).st_atime, os.stat(path).st_mtime + 20))
    result = build(source, target, *plain)
    assert result.returncode != 0 and "so-so" in result.stderr


def test_words_of_the_counts(book) -> None:
    one = small_row()
    claim = claims_module.Claim(**one)
    assert in_words((claim,)) == "1 holds"
    assert in_words((claim, claim)) == "2 hold"
    text = summary(book)
    assert text.startswith(f"{len(book.claims)} claims of 5 documents, tested by ")
    assert all(word in text for word in ("hold", "hold in kind", "corrected", "tested"))
    assert set(counts(book.claims)) == set(VERDICTS)
