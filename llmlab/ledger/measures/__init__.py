"""What the rows of the ledger are measured with, by subject.

A measure is a function that is named by what it measures and returns named values. One that asks
about a model takes it as its argument; the others need none. They call the parts of llmlab that
the chapters call.
"""
