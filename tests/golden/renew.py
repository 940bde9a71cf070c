"""Write the golden tables anew: `python tests/golden/renew.py`. Look at the difference before you commit it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from golden_sample import HERE, as_csv, published, run_sample


def main() -> None:
    """Run the sample and write what is published of it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in published(run_sample(Path(folder))).items():
            (HERE / f"sample_{name}.csv").write_text(as_csv(rows), encoding="utf-8")
            print(f"sample_{name}.csv: {len(rows)} rows")


if __name__ == "__main__":
    main()
