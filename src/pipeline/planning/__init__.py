"""What a run would do: deliveries that differ, counts that are made again, releases that would follow. None of it is done here.

Pulling and typing happen, into files named by their content that the run finds again; what is in force stays as it is.
"""

from pipeline.planning.plan import Plan, plan
from pipeline.planning.text import as_json, as_lines

__all__ = ["Plan", "as_json", "as_lines", "plan"]
