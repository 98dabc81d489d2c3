"""Gemma's GGUF file as the `gguf` package reads it, once for all tests: it takes seconds."""

import functools

import gguf

from llmlab.checkpoints.package import gemma_270m


@functools.cache
def gemma_reader() -> gguf.GGUFReader:
    return gguf.GGUFReader(gemma_270m())
