"""The generator of a synthetic country: a delivery tree by the data contract, invented, seeded, and marked as such.

The pipeline reads its files like any other source and knows nothing of how they were made, except the marker file.
"""

from pipeline.synthetic.generator import generate
from pipeline.synthetic.plan import SyntheticError
from pipeline.synthetic.tables import MARKER_FILE

__all__ = ["MARKER_FILE", "SyntheticError", "generate"]
