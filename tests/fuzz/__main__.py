"""Fuzzing by hand: `python -m tests.fuzz mail -max_total_time=600`, or html, smtp, policy.

What stands behind the name goes to libFuzzer (`-help=1` tells its options). The search begins at the corpus and keeps
what it finds in a folder that is thrown away, or in the one that is named. An input that fails is left where
`-artifact_prefix=` says: run it again by naming its file, and once it is mended let it be a test.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["multimail.mail", "multimail.surfaces"], enable_loader_override=False
):
    from tests.fuzz.targets import TARGETS, seeds


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer's options] [folder or file]")
    name, given = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(name)):
            Path(folder, f"seed{number}").write_bytes(seed)
        named = [one for one in given if not one.startswith("-")]
        options = [one for one in given if one.startswith("-")]
        places = named if named and Path(named[0]).is_file() else [*named, folder]
        atheris.Setup([sys.argv[0], *options, *places], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
