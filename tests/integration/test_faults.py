"""Whatever happens to a run - killed, doubled, without space - the last good release is untouched and the same command finishes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.publish.manifest import broken_files
from pipeline.store import Store

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
FIRST, EARLIER, MONTH = "2017-06", "2018-06", "2018-07"
PATIENCE = 300.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """Return the one JSON object that the last line of standard output must be."""
        content = json.loads(self.out.splitlines()[-1])
        assert isinstance(content, dict)
        return content

    @property
    def steps(self) -> list[str]:
        return ended_steps(self.err.splitlines())


def ended_steps(lines: Sequence[str]) -> list[str]:
    """Return the steps that ended, in order; a line that goes on with what a step found begins with blanks."""
    return [line.split()[0] for line in tuple(lines) if line.strip() and not line.startswith(" ")]


def program(*arguments: str, before: str = "") -> list[str]:
    """Return the command; `before` is Python that is executed first, in the same process."""
    start = [sys.executable, "-c", f"{before}\nfrom pipeline.cli import main\nmain()"]
    return [*(start if before else [sys.executable, "-m", "pipeline.cli"]), *arguments]


def surroundings() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("KENNZAHLEN_")}


def finish(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)


def start(*arguments: str, before: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        program(*arguments, before=before),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings(),
        start_new_session=True,
    )


def do(*arguments: str, before: str = "") -> Ended:
    return finish(start(*arguments, before=before))


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder."""
    return {
        str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def shelf(store: Store) -> list[str]:
    """Return every release that a reader sees; each must be whole."""
    seen = sorted(p for p in store.releases.glob("[!.]*/*") if not p.parent.is_symlink())
    assert [text for release in seen for text in broken_files(release)] == []
    return [f"{p.parent.name}/{p.name}" for p in seen]


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deliveries")
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name >= FIRST])
    return folder


def run_arguments(month: str, store: Store, deliveries: Path) -> tuple[str, ...]:
    return ("run", "--json", "--month", month, "--store", str(store.root), "--source", str(deliveries))


# -- two runs at once --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, deliveries: Path) -> tuple[Store, list[Ended]]:
    """Two runs of one month in one empty store, started together."""
    store = Store(tmp_path_factory.mktemp("two") / "store")
    processes = [start(*run_arguments(EARLIER, store, deliveries)) for _ in range(2)]
    return store, [finish(p) for p in processes]


@pytest.fixture(scope="module")
def base(two: tuple[Store, list[Ended]]) -> Store:
    """Return a store with a good release of the month before."""
    return two[0]


def test_of_two_runs_at_once_one_finishes_and_the_other_says_why_not(two: tuple[Store, list[Ended]]) -> None:
    store, ended = two
    winner, loser = sorted(ended, key=lambda e: e.code)
    assert (winner.code, loser.code) == (0, 1), [e.err for e in ended]
    assert winner.summary["exit"] == 0
    assert loser.summary["exit"] == 1
    assert "another run is writing here" in loser.summary["error"]
    assert loser.err.splitlines() == [f"kennzahlen: {loser.summary['error']}"]
    assert shelf(store) == [f"{EARLIER}/1"]


def test_a_step_does_not_come_between_the_steps_of_a_run(base: Store, deliveries: Path) -> None:
    with base.locked("run 2018-06"):
        ended = do("stage", "--month", EARLIER, "--store", str(base.root))
    assert (ended.code, "another run is writing here" in ended.err) == (1, True)


# -- kill -9 -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, deliveries: Path) -> Store:
    """Return another store, with another key of pseudonyms, in which nothing went wrong."""
    store = Store(tmp_path_factory.mktemp("undisturbed") / "store")
    ended = do(*run_arguments(MONTH, store, deliveries))
    assert (ended.code, ended.summary["exit"]) == (0, 0), ended.err
    assert ended.steps == STEPS
    return store


STEPS = ["fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results", "publish"]


def copied(store: Store, root: Path) -> Store:
    shutil.copytree(store.root, root, symlinks=True)
    return Store(root)


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """Return a list that grows with what the process says on standard error."""
    lines: list[str] = []
    stream = process.stderr
    assert stream is not None
    threading.Thread(target=lambda: lines.extend(iter(stream.readline, "")), daemon=True).start()
    return lines


def growing(folder: Path) -> Callable[[], bool]:
    """Return a question: has a file appeared below the folder since now?"""
    before = sum(1 for _ in folder.rglob("*"))
    return lambda: sum(1 for _ in folder.rglob("*")) > before


def kill_within(step: str, moment: Callable[[], bool], arguments: tuple[str, ...]) -> list[str]:
    """Start the run and kill all of its processes within a step, at a moment; return the steps that had ended."""
    process = start(*arguments)
    lines = lines_of(process)
    before = STEPS.index(step)
    kill_when(process, lambda: len(ended_steps(lines)) >= before and moment())
    return ended_steps(lines)


def kill_when(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    """Kill the process and all it has started at a moment."""
    give_up = time.monotonic() + PATIENCE
    while not moment():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < give_up
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def after(seconds: float) -> Callable[[], bool]:
    """Return a question that is answered with yes some time after it was first asked."""
    first: list[float] = []

    def asked() -> bool:
        first.append(time.monotonic())
        return first[-1] - first[0] >= seconds

    return asked


def moments(store: Store) -> list[tuple[str, Callable[[], Callable[[], bool]]]]:
    """Return where a run is killed: a step and a moment in it, in the order of the steps."""
    half = store.releases / f".tmp-{MONTH}-1"
    return [
        ("fetch", lambda: growing(store.root / "snapshots" / "objects")),
        ("stage", lambda: growing(store.root / "staged")),
        ("check_deliveries", lambda: after(1.0)),
        ("count", lambda: growing(store.cells("x").parent)),
        ("calculate", lambda: after(0.2)),
        ("compare", lambda: store.computed("vergleich", MONTH).exists),
        ("check_results", lambda: after(1.5)),
        ("publish", lambda: (half / "site").exists),
    ]


@dataclass(frozen=True)
class Survived:
    """A store in which a run was killed many times and then finished."""

    store: Store
    killed: Mapping[str, int]
    last: Ended


BETWEEN_RELEASE_AND_POINTER = """
import os, signal
from pipeline.publish import releases
releases.point_to_newest = lambda store: os.killpg(0, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory, base: Store, deliveries: Path) -> Survived:
    store = copied(base, tmp_path_factory.mktemp("killed") / "store")
    arguments = run_arguments(MONTH, store, deliveries)
    good = digests(store.release(EARLIER, 1))
    killed: dict[str, int] = {}
    for step, moment in moments(store):
        ended = kill_within(step, moment(), arguments)
        assert "publish" not in ended, f"the run had ended before it was killed in {step}"
        killed[step] = killed.get(step, 0) + 1
        assert digests(store.release(EARLIER, 1)) == good, step
        assert store.pointer.readlink() == Path(EARLIER) / "1", step
        assert shelf(store) == [f"{EARLIER}/1"], step
    last = do(*arguments)
    assert digests(store.release(EARLIER, 1)) == good
    return Survived(store, killed, last)


def test_run_killed_in_every_step_is_finished_by_the_same_command(survived: Survived) -> None:
    assert set(survived.killed) == set(STEPS)
    assert (survived.last.code, survived.last.steps) == (0, STEPS), survived.last.err
    assert (survived.last.summary["number"], survived.last.summary["unchanged"]) == (1, False)
    assert shelf(survived.store) == [f"{EARLIER}/1", f"{MONTH}/1"]
    assert survived.store.pointer.readlink() == Path(MONTH) / "1"


def test_release_after_kills_has_the_bytes_of_an_undisturbed_run_elsewhere(
    survived: Survived, undisturbed: Store
) -> None:
    made, expected = (digests(s.release(MONTH, 1)) for s in (survived.store, undisturbed))
    assert made == expected
    key, other = (s.root / "secret" / "pseudonym.key" for s in (survived.store, undisturbed))
    assert key.read_text() != other.read_text(), "the release does not depend on the key"


def test_nothing_of_killed_runs_is_left_beside_the_releases_or_to_fill_the_disk(survived: Survived) -> None:
    store = survived.store
    assert [p.name for p in store.releases.glob(".*")] == []
    assert [p.name for p in store.root.glob(".*")] == [".lock"]
    assert list((store.root / "tmp").iterdir()) == []
    assert list((store.root / "snapshots" / "incoming").iterdir()) == []


@pytest.fixture
def unpublished(survived: Survived, tmp_path: Path) -> Store:
    """Return a store in which all steps but the last are done."""
    return without_release(copied(survived.store, tmp_path / "store"))


def without_release(store: Store) -> Store:
    shutil.rmtree(store.release(MONTH, 1).parent)
    store.pointer.unlink()
    store.pointer.symlink_to(f"{EARLIER}/1")
    return store


def test_publishing_killed_early_and_between_release_and_pointer_is_finished(
    unpublished: Store, undisturbed: Store
) -> None:
    arguments = ("publish", "--json", "--month", MONTH, "--store", str(unpublished.root))
    half = unpublished.releases / f".tmp-{MONTH}-1"
    kill_when(start(*arguments), (half / "eckwerte.parquet").exists)
    assert (half.exists(), shelf(unpublished)) == (True, [f"{EARLIER}/1"])
    assert do(*arguments, before=BETWEEN_RELEASE_AND_POINTER).code == -signal.SIGKILL
    assert shelf(unpublished) == [f"{EARLIER}/1", f"{MONTH}/1"]
    assert unpublished.pointer.readlink() == Path(EARLIER) / "1"
    ended = do(*arguments)
    assert (ended.code, ended.summary["unchanged"]) == (0, True)
    assert unpublished.pointer.readlink() == Path(MONTH) / "1"
    assert digests(unpublished.release(MONTH, 1)) == digests(undisturbed.release(MONTH, 1))


# -- no space ----------------------------------------------------------------------------------------------------------

NO_FILE_ABOVE = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"


def complains(ended: Ended, *words: str) -> None:
    """Require one clear line, exit code 1, and the same as JSON."""
    assert ended.code == 1, ended.err
    *_, line = ended.err.splitlines()
    assert "Traceback" not in ended.err
    assert line == f"kennzahlen: {ended.summary['error']}"
    assert ended.summary["exit"] == 1
    assert any(word in line for word in words), line
    assert "space" in line, line


def test_file_that_cannot_grow_stops_each_step_and_the_same_command_goes_on(
    base: Store, deliveries: Path, tmp_path: Path
) -> None:
    store = copied(base, tmp_path / "store")
    good = digests(store.release(EARLIER, 1))
    place = ("--json", "--month", MONTH, "--store", str(store.root))
    for limit, arguments in (
        (20_000, ("fetch", *place, "--source", str(deliveries))),
        (3_000, ("stage", *place)),
        (4_000, ("count", *place)),
        (20_000, ("calculate", *place)),
    ):
        complains(do(*arguments, before=NO_FILE_ABOVE.format(limit)), "File too large")
        assert (digests(store.release(EARLIER, 1)), shelf(store)) == (good, [f"{EARLIER}/1"]), arguments
        ended = do(*arguments)
        assert ended.code == 0, ended.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a way to mount (and to resize) a disk of so many bytes; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted: list[bool] = []

    def size(number: int) -> Path:
        options = f"{'remount,' if mounted else ''}size={number}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(True)
        return folder

    yield size
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
def test_full_disk_leaves_the_last_release_and_with_space_the_same_command_publishes(
    survived: Survived, undisturbed: Store, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1 << 30)
    store = without_release(copied(survived.store, disk / "store"))
    good = digests(store.release(EARLIER, 1))
    free = os.statvfs(disk)
    used = (free.f_blocks - free.f_bfree) * free.f_frsize
    arguments = ("publish", "--json", "--month", MONTH, "--store", str(store.root))
    for more in (100_000, 1_500_000):
        small_disk(used + more)
        complains(do(*arguments), "No space left")
        assert digests(store.release(EARLIER, 1)) == good
        assert (shelf(store), store.pointer.readlink()) == ([f"{EARLIER}/1"], Path(EARLIER) / "1")
        assert [p.name for p in store.releases.glob(".*")] == []
    small_disk(1 << 30)
    assert do(*arguments).code == 0
    assert digests(store.release(MONTH, 1)) == digests(undisturbed.release(MONTH, 1))


# -- exit codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--json", "--month", MONTH),
        ("run", "--json", "--month", "2018-7", "--source", "x", "--store", "y"),
        ("stage", "--json", "--mont", MONTH),
        ("nonsense", "--json"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_so(arguments: tuple[str, ...]) -> None:
    ended = do(*arguments)
    assert (ended.code, ended.summary["exit"]) == (2, 2)
    assert "Error" in ended.err
    assert len(ended.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fetch", "--source", "{empty}"), "no source offers a delivery"),
        (("fetch", "--source", "{empty}/nowhere"), "does not exist"),
        (("stage",), "run the step fetch first"),
        (("publish",), "run the step check_results first"),
    ],
)
def test_what_cannot_be_done_ends_with_1_and_one_line(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    step, *more = (a.format(empty=tmp_path) for a in arguments)
    (tmp_path / "store").mkdir()
    ended = do(step, "--json", "--month", MONTH, "--store", str(tmp_path / "store"), *more)
    assert (ended.code, ended.summary["exit"]) == (1, 1)
    assert words in ended.summary["error"]
    assert ended.err == f"kennzahlen: {ended.summary['error']}\n"


def test_unexpected_error_also_ends_with_1_and_one_json_object(tmp_path: Path) -> None:
    before = "from pipeline import steps\ndef stage(run): raise KeyError('unerwartet')\nsteps.stage = stage"
    ended = do("stage", "--json", "--month", MONTH, "--store", str(tmp_path), before=before)
    assert (ended.code, ended.summary) == (1, {"exit": 1, "error": "KeyError: 'unerwartet'"})
    assert "Traceback" in ended.err


def test_broken_critical_rule_ends_with_3_and_publishes_nothing(unpublished: Store) -> None:
    file = unpublished.computed("kennzahlen", MONTH)
    table = pq.read_table(file)
    wrong = [None if v is None else v + 1000 for v in table.column("wert").to_pylist()]
    index = table.column_names.index("wert")
    pq.write_table(table.set_column(index, table.schema.field("wert"), pa.array(wrong, pa.float64())), file)
    place = ("--json", "--month", MONTH, "--store", str(unpublished.root))
    stopped = do("check", "--results", *place)
    assert (stopped.code, stopped.summary["exit"]) == (3, 3), stopped.err
    assert any(entry["blocking"] for entry in stopped.summary["broken"])
    assert "nothing is published" in stopped.err
    assert do("publish", *place).code == 3, "the verdict stands until the check is repeated"
    assert shelf(unpublished) == [f"{EARLIER}/1"]
    assert unpublished.pointer.readlink() == Path(EARLIER) / "1"
    assert file.exists(), "computed tables stay"
