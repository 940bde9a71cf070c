"""The benchmark: our count beside the same counts written as users of other tools would, and what the steps of the product cost.

Nothing here is part of the product, which does not import it. Start with ``python -m benchmarks --help`` or ``make bench``.
"""
