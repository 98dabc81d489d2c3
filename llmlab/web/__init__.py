"""The browser engine: its kernel, its modules, and the exporter of models for it.

`kernel.c` holds the products, `engine/` everything else of a model, in the reader's browser.
"""
