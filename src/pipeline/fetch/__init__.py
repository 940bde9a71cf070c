"""Original bytes from directories, web servers, S3 and SFTP into the store, with findings about what came and what did not.

Nothing here looks into a delivery; that is staging's business.
"""

from pipeline.fetch.exchange import FetchError
from pipeline.fetch.run import FetchResult, fetch

__all__ = ["FetchError", "FetchResult", "fetch"]
