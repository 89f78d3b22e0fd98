"""What the tests of recordings share: captures that are reported and recorded at once, reports of recordings, and how two
reports differ."""
import itertools
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from harness import BINARY, LiveTestCase, Result, Tool, Workload, wait_until

WALL_CLOCK = re.compile(r"@\d{4}-\d\d-\d\dT.*")


def without_wall_clock(text):
    return WALL_CLOCK.sub("@", text)


def paths(value, at=""):
    """Each number and word of a JSON value with the way to it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from paths(part, f"{at}.{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from paths(part, f"{at}[{index}]")
    else:
        yield f"{at} = {value!r}"


def differences(one, other, is_json):
    """What only one of two reports says, [-: the first, +: the second]; the first thirty of it."""
    def parts(text):
        if not is_json:
            return text.splitlines()
        return [line for number, report in enumerate(text.splitlines()) for line in paths(json.loads(report), f"{number}")]
    first, second = parts(one), parts(other)
    has, had = set(first), set(second)
    return [f"-{line}" for line in first if line not in had][:15] + [f"+{line}" for line in second if line not in has][:15]


def report(directory, *options, json_report=True, seconds=120):
    """A report of a recording."""
    form = ["--format", "json"] if json_report else []
    done = subprocess.run([BINARY, "report", "-i", directory, *form, *map(str, options)], capture_output=True, text=True,
                          timeout=seconds)
    return Result(done.returncode, done.stdout, done.stderr)


def wait_begun(tool, directory):
    """Returns once a tool that records has looked at all threads and read its buffers for the first time."""
    journal = directory / "trace.dat.journal.cpu0"

    def has_turned():
        assert tool.process.poll() is None, tool.process.communicate()
        return journal.exists() and b"turn " in journal.read_bytes()
    wait_until(has_turned, "the tool records")


class Both:
    """Two runs of the tool at once with the same options, one of which reports in text and one in JSON. Each records."""

    def __init__(self, case, arguments, under=(), **options):
        self.case = case
        self.directories = {is_json: case.new_directory() for is_json in (False, True)}
        self.tools = {}
        for is_json, directory in self.directories.items():
            # To a file: a command of the tool's has the same stdout.
            output = ["-o", f"{directory}.report"]
            self.tools[is_json] = Tool("--record", directory, *output, *arguments, json_report=is_json, under=under, **options)

    def wait_recording(self):
        for is_json, tool in self.tools.items():
            wait_begun(tool, self.directories[is_json])
        return self

    def finish(self, number=None, seconds=60):
        """Ends both, and holds the report of each recording against what was printed live. Returns the JSON run's result."""
        if number:
            for tool in self.tools.values():
                tool.signal(number)
        results = {is_json: tool.finish(seconds=seconds) for is_json, tool in self.tools.items()}
        for is_json, live in results.items():
            output = pathlib.Path(f"{self.directories[is_json]}.report")
            live.out = output.read_text() if output.exists() else ""
            self.case.check_same(live, self.directories[is_json], is_json)
        return results[True]


class RecordTestCase(LiveTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kdelay-live-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.numbers = itertools.count(1)

    def new_directory(self):
        """The path of a directory that is not there."""
        return self.directory / f"recording-{next(self.numbers)}"

    def check_same(self, live, directory, is_json):
        """The report of a recording is what its live run printed, but for the time on the wall."""
        self.assertEqual(live.status, 0, live.err)
        later = report(directory, json_report=is_json)
        self.assertEqual(later.status, 0, later.err)
        self.assertNotIn("was cut", later.err)
        self.assertEqual(sorted(path.name for path in directory.iterdir() if path.name != "perf.data"), ["trace.dat"])
        one, other = without_wall_clock(live.out), without_wall_clock(later.out)
        if one != other:
            self.fail("\n".join([f"the report of {directory} differs from the live one:"] + differences(one, other, is_json)))

    def round_trip(self, name, *workload_arguments, options=(), number=signal.SIGINT):
        """Records a workload's measured part; returns (the only live sample, what the workload says)."""
        with Workload(name, *workload_arguments) as workload:
            both = Both(self, ["-p", workload.pid, "--sample-time", 100, *options]).wait_recording()
            answer = workload.go()
            return both.finish(number).sample, answer

    def record(self, *arguments, **options):
        """Begins a recording whose events nobody looks at; returns (the tool, the recording's directory)."""
        directory = self.new_directory()
        return Tool("record", "-o", directory, *arguments, json_report=False, **options), directory
