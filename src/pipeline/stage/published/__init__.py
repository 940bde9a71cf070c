"""Published files as they really come: workbooks, CSV files with titles and footers, ZIP files of both.

What a layout looks like is data of the catalog (`catalog/layouts`); here is how its cells are found, read and named.
"""

from pipeline.stage.published.proposing import Proposal, propose
from pipeline.stage.published.reading import published_month, read_published

__all__ = ["Proposal", "propose", "published_month", "read_published"]
