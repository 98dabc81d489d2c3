"""The chapters' outputs that `make book` stores: which notebooks are run, and what a failure does."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("run_chapters", ROOT / "tools/run_chapters.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def book(tmp_path):
    """A book of two chapters, one of which fails."""
    (tmp_path / "_toc.yml").write_text("parts: [{chapters: [{file: good}, {file: bad}]}]")
    for name, source in (("good", "print(6 * 7)"), ("bad", "raise ValueError('no weights')")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    return tmp_path


def test_outputs_are_stored_and_not_computed_again(tool, book, capsys):
    assert tool.run_chapters(book, book / "cache", 60) == [book / "bad.ipynb"]
    assert "no weights" in capsys.readouterr().out
    notebook = nbformat.read(book / "good.ipynb", as_version=4)
    _, stored = get_cache(book / "cache").merge_match_into_notebook(notebook)
    assert stored.cells[0].outputs[0]["text"] == "42\n"
    assert not tool.is_cached(get_cache(book / "cache"), book / "bad.ipynb")
    (book / "_toc.yml").write_text("parts: [{chapters: [{file: good}]}]")
    assert tool.run_chapters(book, book / "cache", 60) == []
    assert "Running" not in capsys.readouterr().out


def test_every_notebook_of_the_book_is_known(tool):
    names = {path.name for path in tool.notebooks(ROOT)}
    assert names == {path.name for path in (ROOT / "chapters").glob("*.ipynb")}


def test_at_least_one_chapter_runs_however_little_memory_there_is(tool, monkeypatch):
    monkeypatch.setattr(tool, "GIGABYTES_A_CHAPTER", 1e9)
    assert tool.workers() == 1
