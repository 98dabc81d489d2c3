"""Models for the tests of the browser's engine: the book's own, and small ones of each family."""

from __future__ import annotations

import pytest

import llmlab
from llmlab.web.export import export_web
from tests.small_tokenizers import small_tokenizers
from tests.web_page import FAMILIES, publish, random_model


@pytest.fixture(scope="module")
def mini():
    """The book's own GPT."""
    return llmlab.load("mini", "cpu")


@pytest.fixture(scope="module")
def exported(mini, tmp_path_factory):
    """The folder of mini as a site carries it."""
    return export_web(mini, tmp_path_factory.mktemp("models") / "mini-12345678")


@pytest.fixture(scope="module")
def random_models():
    """A model of random weights of each family, by its name."""
    tokenizer = small_tokenizers()["byte fallback"]
    return {name: random_model(name, tokenizer) for name in FAMILIES}


@pytest.fixture(scope="module")
def engine_folder(random_models, tmp_path_factory):
    """A folder to serve: an empty page, the engine, and these models."""
    return publish(tmp_path_factory.mktemp("web"), random_models)
