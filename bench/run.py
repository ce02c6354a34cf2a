#!/usr/bin/env python3
"""Speed and memory of storing, reading and converting, beside Orthanc, storescp and nginx in the same minutes (bench/README.md)."""

import argparse
import dataclasses
import json
import re
import shutil
import statistics
import subprocess
import sys

import data
import loads
import pictures
import reads
import searches
import sides

NODELAY = {"TCP_NODELAY": "1"}  # DCMTK's switch, for its tools and for Orthanc, which is built on it


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One way to push. counts: side -> how many files it gets a round (rates are compared, so the slow may get fewer)."""
    name: str
    load: str  # "storescu", "send", "post"
    kind: str  # folder of build/bench-data
    lanes: int
    counts: dict
    env: dict = dataclasses.field(default_factory=dict)
    targets: dict = dataclasses.field(default_factory=dict)  # side -> our rate divided by its rate, at least
    cpu_target: float | None = None  # our CPU per object divided by Orthanc's, at most
    keeps: str | None = None  # a scenario named before, whose rate this one has to keep
    midway: bool = False  # the rate while all senders are sending: 64 of them need a processor second to start
    invent: bool = False  # new SOP Instance UIDs, so that few files can be pushed many times


ALL = 500
KEPT = 0.9
SCENARIOS = (
    Scenario("stock storescu, 1 association", "storescu", "ct", 1, {"lightbox": ALL, "orthanc": 50, "storescp": 50}, targets={"orthanc": 20}),
    Scenario("stock storescu, 4 associations", "storescu", "ct", 4, {"lightbox": ALL, "orthanc": 160, "storescp": 160}, targets={"orthanc": 10}),
    Scenario("TCP_NODELAY, 1 association", "storescu", "ct", 1, {"lightbox": ALL, "orthanc": 250, "storescp": ALL, "plain": ALL}, NODELAY,
             {"orthanc": 2, "plain": 0.5}, cpu_target=0.5),
    Scenario("TCP_NODELAY, 4 associations", "storescu", "ct", 4, {"lightbox": ALL, "orthanc": ALL, "storescp": ALL, "plain": ALL}, NODELAY,
             {"orthanc": 2, "plain": 0.5}, cpu_target=0.5),
    Scenario("lean sender, 1 association", "send", "ct", 1, {"lightbox": ALL, "orthanc": ALL, "storescp": ALL, "plain": ALL}, NODELAY,
             {"orthanc": 2, "plain": 0.5}, cpu_target=0.5),
    Scenario("lean sender, 4 associations", "send", "ct", 4, {"lightbox": ALL, "orthanc": ALL, "storescp": ALL, "plain": ALL}, NODELAY,
             {"orthanc": 2, "plain": 0.5}, cpu_target=0.5),
    Scenario("4 associations, 2,560 slices", "storescu", "ct", 4, {"lightbox": 2560}, NODELAY, invent=True, midway=True),
    Scenario("64 associations, 2,560 slices", "storescu", "ct", 64, {"lightbox": 2560}, NODELAY, keeps="4 associations, 2,560 slices",
             invent=True, midway=True),
    Scenario("POST, 1 connection", "post", "ct", 1, {"lightbox": ALL, "orthanc": ALL, "plain": ALL}, targets={"orthanc": 2}, cpu_target=0.5),
    Scenario("POST, 4 connections", "post", "ct", 4, {"lightbox": ALL, "orthanc": ALL, "plain": ALL}, targets={"orthanc": 2}, cpu_target=0.5),
    Scenario("2,000 small studies, 4 associations", "storescu", "small", 4, {"lightbox": 2000, "orthanc": 1000, "storescp": 2000}, NODELAY),
    Scenario("2,000 small studies, POST 4 connections", "post", "small", 4, {"lightbox": 2000, "orthanc": 1000}),
    Scenario("DX 3000x2500, 1 association", "storescu", "dx", 1, {"lightbox": 12, "orthanc": 12, "storescp": 12, "plain": 12}, NODELAY),
    Scenario("DX 3000x2500, POST 1 connection", "post", "dx", 1, {"lightbox": 12, "orthanc": 12, "plain": 12}),
)


@dataclasses.dataclass
class Sample:
    """One round of one side."""
    rate: float  # objects a second
    cpu_ms: float | None  # of the server, an object


def chosen_files(scenario, count):
    files = data.files(scenario.kind)
    return [files[number % len(files)] for number in range(count)] if scenario.invent else files[:count]


def measure(scenario, name):
    files = chosen_files(scenario, scenario.counts[name])
    if name == "plain":
        folder = sides.RUN / "plain"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        sides.settle()
        return Sample(len(files) / loads.plain_write(folder, files, scenario.lanes), None)
    side = sides.SIDES[name]().start(scenario.env)
    try:
        sides.settle()
        cpu = side.cpu_s()
        if scenario.load == "post":
            seconds = loads.post(side, files, scenario.lanes)
        elif scenario.load == "send":
            seconds = loads.send(side, files, scenario.lanes)
        elif scenario.midway:
            with loads.Midway(side, len(files)) as middle:
                loads.storescu(side, files, scenario.lanes, scenario.env, "+II")
            seconds = len(files) / middle.rate()
        else:
            seconds = loads.storescu(side, files, scenario.lanes, scenario.env, *(["+II"] if scenario.invent else []))
        cpu_ms = None if cpu is None else (side.cpu_s() - cpu) / len(files) * 1000
        assert side.count() == len(files), f"{name} has {side.count()} of {len(files)}"
        return Sample(len(files) / seconds, cpu_ms)
    finally:
        side.stop()


def run(scenario, rounds):
    """Rounds in alternating order, so that a drift of the machine hits all sides alike."""
    samples = {name: [] for name in scenario.counts}
    for number in range(rounds):
        order = list(samples) if number % 2 == 0 else list(reversed(samples))
        for name in order:
            samples[name].append(measure(scenario, name))
        print(f"  round {number + 1}: " + ", ".join(f"{name} {taken[-1].rate:.0f}/s" for name, taken in samples.items()), file=sys.stderr)
    return samples


def median(values):
    return statistics.median(values)


def report(scenario, samples, results):
    print(f"\n{scenario.name}")
    ours = median([sample.rate for sample in samples["lightbox"]])
    if scenario.keeps in results:
        share = ours / median([sample["rate"] for sample in results[scenario.keeps]["lightbox"]])
        print(f"  {share:.2f}x the rate of: {scenario.keeps}" + verdict(share >= KEPT, f"at least {KEPT}x"))
    for name, taken in samples.items():
        rates = [sample.rate for sample in taken]
        line = f"  {name:9} {median(rates):8.1f} /s  ({min(rates):.1f} to {max(rates):.1f})"
        if taken[0].cpu_ms is not None:
            line += f"   CPU {median([sample.cpu_ms for sample in taken]):6.2f} ms"
        if name != "lightbox":
            ratio = ours / median(rates)
            line += f"   lightbox is {ratio:.2f}x" + verdict(ratio >= scenario.targets[name], f"at least {scenario.targets[name]}x") \
                if name in scenario.targets else f"   lightbox is {ratio:.2f}x"
        print(line)
    if scenario.cpu_target:
        share = median([s.cpu_ms for s in samples["lightbox"]]) / median([s.cpu_ms for s in samples["orthanc"]])
        print(f"  CPU per object: {share:.2f}x Orthanc's" + verdict(share <= scenario.cpu_target, f"at most {scenario.cpu_target}x"))


def verdict(good, target):
    return f" [{target}: {'yes' if good else 'NO'}]"


def peak_memory(name, load, file):
    """Megabytes above idle while one big object is stored, and the seconds it took."""
    side = sides.SIDES[name]().start(NODELAY)
    try:
        sides.settle()
        idle = side.memory_kb("VmRSS")
        side.reset_peak()
        seconds = loads.post(side, [file], 1) if load == "post" else loads.storescu(side, [file], 1, NODELAY)
        peak = side.memory_kb("VmHWM")
        assert side.count() == 1
        return (peak - idle) / 1024, seconds
    finally:
        side.stop()


def memory(quick):
    print("\npeak memory above idle while storing one object")
    results = []
    for word, names in (("multiframe-200m", ("lightbox", "orthanc")), ("multiframe-4g", ("lightbox",))):
        file = data.FOLDER / f"{word}.dcm"
        if quick and word == "multiframe-4g":
            continue
        for load in ("storescu", "post"):
            for name in names:
                megabytes, seconds = peak_memory(name, load, file)
                results.append({"object": word, "load": load, "side": name, "mb": megabytes, "seconds": seconds})
                line = f"  {word:16} {load:9} {name:9} {megabytes:8.1f} MB  {file.stat().st_size / seconds / 1e6:7.0f} MB/s"
                print(line + (verdict(megabytes <= 64, "at most 64 MB") if name == "lightbox" else ""))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds, no 4 GiB object")
    parser.add_argument("--rounds", type=int, help="rounds of each scenario (7; --quick: 3)")
    parser.add_argument("--only", metavar="PATTERN", help="scenarios whose name matches this regular expression; 'memory' for memory alone")
    parser.add_argument("--beside", default="nginx,orthanc", help="with whom reading is compared (%(default)s)")
    parser.add_argument("--studies", type=int, default=20000, help="studies of the index that is searched (%(default)s)")
    parser.add_argument("--drop", action="store_true", help="reading clients drop bodies unread, as if they were on other machines")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (3 if arguments.quick else 7)
    pattern = re.compile(arguments.only or "", re.I)
    if pattern.search("search"):
        searches.run(arguments.studies, verdict)
    if arguments.only == "search":  # needs no objects
        return
    data.prepare(huge=not arguments.quick and bool(pattern.search("memory")))
    loads.compile_clients()
    sides.RUN.mkdir(parents=True)
    # ext4 without a journal looks at every inode deleted in the last minutes before it gives one out: let each side's folder
    # begin elsewhere than where the last one was deleted.
    subprocess.run(["chattr", "+T", sides.RUN], check=False, stderr=subprocess.DEVNULL)
    try:
        run_all(rounds, pattern, arguments)
    finally:
        shutil.rmtree(sides.RUN, ignore_errors=True)


def run_all(rounds, pattern, arguments):
    results = {"rounds": rounds, "scenarios": {}, "reads": {}, "memory": []}
    for scenario in SCENARIOS:
        if not pattern.search(scenario.name):
            continue
        print(scenario.name, file=sys.stderr)
        samples = run(scenario, rounds)
        report(scenario, samples, results["scenarios"])
        results["scenarios"][scenario.name] = {name: [dataclasses.asdict(sample) for sample in taken] for name, taken in samples.items()}
    if pattern.search("memory"):
        results["memory"] = memory(arguments.quick)
    results["reads"] = reads.run_all(rounds, pattern, arguments.beside.split(","), arguments.drop, verdict)
    results["pictures"] = pictures.run_all(rounds, pattern, arguments.beside.split(","), verdict)
    (sides.RUN.parent / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
