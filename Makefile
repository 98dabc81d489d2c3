# make book    the book, built into _build/html
# make test    every test: the package, the chapters, the built site in a browser
# make binder-check   every chapter in JupyterLab, in a fresh environment as Binder has it
# make bench-web      the engine in a browser beside wllama and onnxruntime-web (needs npm)
# make lab     JupyterLab on the chapters
# make clean   removes what was built (make distclean: .venv as well)
#
# PYTHON=/path/to/python3 chooses the Python that .venv is made with (3.10 or newer).

# JOBS=4 runs so many tests at a time; each may take 2 GB of memory.
PYTHON ?=
JOBS ?= 2
BIN := .venv/bin
export JUPYTER_PREFER_ENV_PATH := 1

.PHONY: book test binder-check bench-web lab clean distclean

book: .venv/.installed
	@$(BIN)/python tools/build_book.py

# One run of pytest, so that its closing line speaks for everything. The chapters' notebooks are
# run afresh and what they print is compared with what they hold.
# One thread for each: a pool that waits for a core another test holds spins on it, and a small
# network's training then takes an hour in place of ten seconds.
test: book
	@$(BIN)/python tests/browser.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadscope \
		--nbval --nbval-current-env --nbval-cell-timeout=600 tests chapters

binder-check: .venv/.installed
	@$(BIN)/python tests/browser.py
	$(BIN)/python tools/binder_check.py $(CHAPTERS)

# The two are what makes onnxruntime-web's model; nothing else of the project needs them.
bench-web: book
	$(BIN)/python -m pip install --quiet "onnx>=1.17,<2" "onnxruntime>=1.20,<2"
	$(BIN)/python tools/bench_web/bench.py

lab: .venv/.installed
	$(BIN)/jupyter lab chapters

.venv/.installed: requirements.txt pyproject.toml
	@PYTHON="$(PYTHON)" tools/set_up.sh

clean:
	rm -rf _build .pytest_cache build *.egg-info
	find llmlab tests tools chapters -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv
