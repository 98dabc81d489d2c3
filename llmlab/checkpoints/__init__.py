"""Checkpoints: names, files and folders become models."""

from .load import choose_device, choose_dtype, load

__all__ = ["choose_device", "choose_dtype", "load"]
