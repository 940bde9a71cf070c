"""The ordinance as a specification: the worked cases of the methodology, one file per paragraph, table in and table out."""
