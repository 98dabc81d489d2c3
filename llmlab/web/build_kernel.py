"""Compiles kernel.c to kernel.wasm: ``python -m llmlab.web.build_kernel``.

The compiler is the one in the PyPI package ``ziglang``, of the version in requirements.txt: the
same version makes the same bytes on every machine, which a test compares with those in the
repository.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("kernel.c")
KERNEL = SOURCE.with_suffix(".wasm")
STACK = 1024  # bytes; engine/memory.js leaves so many and more free at the beginning
FLAGS = (
    "--target=wasm32-freestanding",
    "-mcpu=generic+simd128+nontrapping_fptoint",
    "-O3",
    "-nostdlib",
    "-ffreestanding",
    "-fno-builtin",
    "-Wall",
    "-Werror",
    "-Wl,--no-entry",
    "-Wl,--import-memory",
    "-Wl,--strip-all",
    f"-Wl,-z,stack-size={STACK}",
)


def build(target: Path = KERNEL) -> bytes:
    """Compile the kernel into a file, and return its bytes.

    Raises:
        RuntimeError: what the compiler says.
    """
    # By its name alone: the bytes must not depend on where the repository lies.
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-o", str(target.resolve())]
    result = subprocess.run(
        [*command, SOURCE.name], cwd=SOURCE.parent, capture_output=True, text=True
    )
    if result.returncode:
        raise RuntimeError(f"kernel.c was not compiled: {result.stderr.strip()}")
    return target.read_bytes()


if __name__ == "__main__":
    print(f"{KERNEL}: {len(build()):,} bytes")
