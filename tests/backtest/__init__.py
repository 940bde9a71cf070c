"""Officially published national figures, computed again by the pipeline."""
