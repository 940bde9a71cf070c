"""How steps report progress; who shows it is not known to them."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Takes how many are done, how many there are, and what was done last or is begun."""
