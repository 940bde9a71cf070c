"""The commands of `kennzahlen`, one module for those that belong together: arguments in, one call, a few lines out.

Nothing is computed here. `options` and `output` hold what the commands share; their order and names stand in `pipeline.cli`.
"""
