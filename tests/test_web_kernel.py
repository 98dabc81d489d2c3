"""kernel.wasm is what kernel.c says, byte for byte."""

from llmlab.web.build_kernel import KERNEL, build


def test_the_compiler_makes_these_very_bytes(tmp_path):
    assert build(tmp_path / "kernel.wasm") == KERNEL.read_bytes()
