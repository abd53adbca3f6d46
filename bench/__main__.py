"""`make bench`: the product and Postfix, measured in turn on this machine, and the ratio."""

import argparse
import tempfile
from pathlib import Path

from bench import postfix, reading, scenarios, sink
from bench.machine import BenchError
from bench.report import Figure, Row, save, show

ROWS = (
    ("a", "send over HTTP, 32 kept connections → held, durable", "mails/s"),
    ("a-new", "send over HTTP, 32 at once, new connections → held", "mails/s"),
    ("b10", "SMTP intake, 10 sessions, new connections", "mails/s"),
    ("b50", "SMTP intake, 50 sessions, new connections", "mails/s"),
    ("c", "approve one by one → at the sink", "mails/s"),
    ("c-all", "approve all at once → at the sink", "mails/s"),
    ("d", "accept and deliver → at the sink", "mails/s"),
)
MEMORY_LIMIT = 150.0  # MiB
DESK_LIMIT = 100.0  # ms
WAKE_LIMIT = 50.0  # ms
READING_GOAL, WORST_GOAL = 200.0, 5.0  # mails a second; seconds


def rows(plan: scenarios.Plan, product: dict[str, Figure], peer: dict[str, Figure]) -> list[Row]:
    """The report, in the order of the scenarios."""
    none = Figure()
    found = [
        Row(key, what, unit, product.get(key, none), peer.get(key, none))
        for key, what, unit in ROWS
        if key[0] in plan.only
    ]
    for key, what in (("e-list", "list_pending"), ("e-decide", "decide")):
        if "e" in plan.only:
            few = product.get(f"{key}-few", none)
            what = f"{what} p99 with {plan.backlog:,} pending"
            found.append(Row("e", what, "ms", product.get(key, none), few, "<= 1.5", "100 pending"))
    if "h" in plan.only:
        limit = Figure(DESK_LIMIT)
        for key, depth in zip(("h-few", "h"), scenarios.DESK, strict=True):
            what = f"the desk's first page with {depth:,} pending, CPU"
            found.append(Row("h", what, "ms", product.get(key, none), limit, "<= 1", "the limit"))
    if "i" in plan.only:
        what = f"SMTP's 250 → who waits has it, p99, {scenarios.OTHERS:,} others waiting"
        found.append(Row("i", what, "ms", product.get("i", none), Figure(WAKE_LIMIT), "<= 1", "the limit"))
    if "f" in plan.only:
        peak = product.get("f", none)
        found.append(Row("f", "memory at the peak of the above", "MiB", peak, peer.get("f", none), ""))
        found.append(
            Row(
                "f",
                "memory at the peak, and its limit",
                "MiB",
                peak,
                Figure(MEMORY_LIMIT),
                "<= 1",
                "the limit",
            )
        )
    return found


def reading_rows() -> list[Row]:
    """Reading needs no server and has no peer: it is held to what it should do."""
    fast = Figure(reading.throughput())
    seconds, what = reading.worst(print)
    return [
        Row(
            "g", "read mails of 40 KB on one core", "mails/s", fast, Figure(READING_GOAL), ">= 1", "the goal"
        ),
        Row("g", f"read 25 MiB of {what}", "s", Figure(seconds), Figure(WORST_GOAL), "<= 1", "the limit"),
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    names = ", ".join(f"{letter} or {name}" for letter, name in scenarios.SCENARIOS.items())
    parser.add_argument("--only", default="a,b,c,d,e,f,g,h,i", help=f"scenarios, comma-separated: {names}")
    parser.add_argument("--side", choices=("both", "product", "postfix"), default="both")
    parser.add_argument("--seconds", type=float, default=5.0, help="about how long each load runs")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each rate is taken; the median counts"
    )
    parser.add_argument("--backlog", type=int, default=100_000, help="pending emails in (e)")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results.json")
    return parser.parse_args()


def main() -> int:
    """Exit status: 0, 1 when a row failed or missed its goal, 2 when nothing could be measured."""
    options = arguments()
    letters = {name: letter for letter, name in scenarios.SCENARIOS.items()}
    only = frozenset(letters.get(word, word) for word in options.only.split(","))
    if unknown := only - scenarios.SCENARIOS.keys():
        print(f"no such scenario: {', '.join(sorted(unknown))}")
        return 2
    plan = scenarios.Plan(only - {"g"}, options.seconds, options.rounds, options.backlog)
    product: dict[str, Figure] = {}
    peer: dict[str, Figure] = {}
    reason = postfix.unavailable()
    read = reading_rows() if "g" in only and options.side != "postfix" else []
    if not plan.only:
        return finish(read, options.json)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, sink.running(Path(folder)) as world:
            if reason:
                print(f"Postfix is left out: {reason}. The product's figures stand alone.")
            elif options.side != "product" and plan.only - {"e", "h", "i"}:
                peer = scenarios.of_postfix(plan, world)
            if options.side != "postfix":
                product = scenarios.of_product(plan, world)
    except BenchError as error:
        print(f"cannot measure: {error} (smtp-source and smtp-sink come with Debian's postfix)")
        return 2
    return finish([*rows(plan, product, peer), *read], options.json)


def finish(report: list[Row], kept: Path) -> int:
    print("\n" + show(report))
    save(report, kept)
    failed = any(row.product.failure or row.other.failure or row.reached is False for row in report)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
