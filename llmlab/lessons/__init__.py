"""Lesson pieces: what a chapter takes apart to the last number.

A scalar automatic differentiation engine, the small network that tells a leaf from a flower and
its training, dropout masks, and n-gram models. They are written to be read and to be held against
PyTorch.
"""

from .computation import Edge, Graph, Node, graph
from .descent import Moment, TrainingRecord, accuracy, cross_entropy, descend, initial_network
from .dropout import dropout_mask
from .equal_networks import collapse, exact, fold_scale, one_output
from .from_lists import dense
from .measurements import (
    FLOWER,
    LEAF,
    SCALE,
    Measurement,
    leaves_and_flowers,
    sun_and_rain,
    worked_neuron,
)
from .network import Layer, Network, Neuron
from .ngrams import NGramModel, Prediction
from .smoothing import AddK, KneserNey, WittenBell
from .value import Value, total

__all__ = [
    "FLOWER",
    "LEAF",
    "SCALE",
    "AddK",
    "Edge",
    "Graph",
    "KneserNey",
    "Layer",
    "Measurement",
    "Moment",
    "NGramModel",
    "Network",
    "Neuron",
    "Node",
    "Prediction",
    "TrainingRecord",
    "Value",
    "WittenBell",
    "accuracy",
    "collapse",
    "cross_entropy",
    "dense",
    "descend",
    "dropout_mask",
    "exact",
    "fold_scale",
    "graph",
    "initial_network",
    "leaves_and_flowers",
    "one_output",
    "sun_and_rain",
    "total",
    "worked_neuron",
]
