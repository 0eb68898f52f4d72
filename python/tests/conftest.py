"""The paths of the golden records and the program."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

#: The project: tests may be run from a copy of them.
ROOT = Path(os.environ.get("PHI_ROOT", Path(__file__).resolve().parents[2]))
GOLDENS = ROOT / "pyphi-core" / "tests" / "fixtures"


def golden(name: str) -> Any:
    """The records of a file of the engine's tests: they are kept there only."""
    return json.loads((GOLDENS / name).read_text())


def find_program() -> str | None:
    """The program ``phi``: where it was built, or as ``PHI_PROGRAM`` says."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [
        target / profile / name
        for profile in ("release", "debug")
        for name in ("phi", "examples/pyphi_validation")
    ]
    asked = os.environ.get("PHI_PROGRAM")
    found = [Path(asked)] if asked else [it for it in built if it.is_file()]
    return str(found[0]) if found else None


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """Asks the program about records, and gives its answers as texts."""
    path = find_program()
    if path is None:
        pytest.skip("the program is not built: cargo build --release --bin phi")
    folder = tmp_path_factory.mktemp("program")

    def ask(records: list[dict[str, Any]], *flags: str) -> list[str]:
        file = folder / "networks.json"
        names = ("name", "tpm", "cm", "state", "nodes", "labels", "alphabet", "row_order")
        # As lines, so that each answer is one.
        lines = [json.dumps({it: record[it] for it in names if it in record}) for record in records]
        if len(lines) == 1:
            lines.append(lines[0])
        file.write_text("\n".join(lines) + "\n")
        command = [path, "compute", str(file), "--format", "json", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[: len(records)]

    return ask
