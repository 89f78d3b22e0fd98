"""The text report read back as another program would: every line is a documented one, and the sums are right."""
import re

from harness import LiveTestCase, WORKLOADS, run

I = " " * 28
# The documented columns; each kind of line once.
LINES = {
    "title": re.compile(r"(?P<tid>[ \d]{9}\d) (?P<comm>.{16}) \[(?P<section>[A-Z ]+)\]"),
    "section": re.compile(rf"{I}\[(?P<section>[A-Z ]+)\]"),
    "header": re.compile(rf"{I}(NAME| *COUNT| *SCHED_CNT| *STOP_CNT) .*ns"),
    "call": re.compile(rf"{I}(?P<name>[^:]{{20}}) (?P<number>[ \d]{{6}})  (?P<count>[ \d]{{10}})  (?P<total>[ \d,]{{16}})"
                       r"  (?P<max>[ \d,]{16})"),
    "soft": re.compile(rf"{I}(?P<name>[^:]{{20}}) (?P<number>[ \d]{{7}})  (?P<count>[ \d]{{10}})  (?P<total>[ \d,]{{16}})"
                       r"  (?P<max>[ \d,]{16})"),
    "hard": re.compile(rf"{I}(?P<name>[^:]{{20}}  )(?P<count>[ \d]{{10}})  (?P<total>[ \d,]{{16}})  (?P<max>[ \d,]{{16}})"),
    "sum": re.compile(rf"{I}TOTAL(\( - poll\))?:  *(?P<count>\d+)  (?P<total>[ \d,]{{16}})"),
    "four": re.compile(rf"{I}(?P<count>[ \d]{{10}})  (?P<total>[ \d,]{{16}})  (?P<min>[ \d,]{{16}})  (?P<max>[ \d,]{{16}})"),
    "three": re.compile(rf"{I}(?P<count>[ \d]{{10}})  (?P<total>[ \d,]{{16}})  (?P<max>[ \d,]{{16}})"),
    "so far": re.compile(rf"{I}.{{20}} [ A-Z()]{{9}}  [ \d,]{{16}}"),
    "empty": re.compile(""),
}
ORDER = ["SYSCALL STATISTICS", "LONG POLL STATISTICS", "THREAD RUN STATISTICS", "THREAD READY STATISTICS",
         "THREAD STOPPED STATISTICS", "HARD IRQ STATISTICS", "SOFT IRQ STATISTICS", "IN PROGRESS"]
ROWS = {"SYSCALL STATISTICS": "call", "LONG POLL STATISTICS": "four", "THREAD RUN STATISTICS": "four",
        "THREAD READY STATISTICS": "three", "THREAD STOPPED STATISTICS": "three", "HARD IRQ STATISTICS": "hard",
        "SOFT IRQ STATISTICS": "soft", "IN PROGRESS": "so far"}


def number(text):
    return int(text.replace(",", ""))


class Text(LiveTestCase):
    def setUp(self):
        super().setUp()
        lines = run("--", WORKLOADS / "demo-convoy", 1, json_report=False).out.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("----------")) + 1
        # kernel_delay.py's lines come first; what it does not have comes after, under headings.
        end = next(i for i, line in enumerate(lines) if i > start and line.startswith("# "))
        accounts = next(i for i, line in enumerate(lines) if line.startswith("# ACCOUNTING"))
        self.body = lines[start:end]
        self.accounts = lines[accounts + 1:lines.index("", accounts)]

    def parse(self):
        """[(tid, comm, {section: ([rows], sum or None)})]; fails on a line that is in no place of the format."""
        threads = []
        for line in self.body:
            section = next(reversed(threads[-1][2]), None) if threads else None
            kinds = ["title", "section", "header", "sum", "empty", ROWS.get(section)]
            matches = {kind: m for kind in kinds if kind and (m := LINES[kind].fullmatch(line))}
            self.assertEqual(len(matches), 1, (line, section))
            ((kind, match),) = matches.items()
            if kind == "title":
                threads.append((int(match["tid"]), match["comm"].rstrip(), {match["section"]: ([], [])}))
            elif kind == "section":
                threads[-1][2][match["section"]] = ([], [])
            elif kind == "sum":
                threads[-1][2][section][1].append(match)
            elif kind == ROWS.get(section):
                threads[-1][2][section][0].append(match)
        return threads

    def test_every_line_is_a_documented_one(self):
        threads = self.parse()
        self.assertEqual(threads, sorted(threads, key=lambda t: (t[1], t[0])))
        comms = [comm for _, comm, _ in threads]
        for comm in ("worker-1", "worker-4", "cpu-hog", "preempted", "slow-writer", "busy-poll", "demo-convoy"):
            self.assertIn(comm, comms)
        for _, comm, sections in threads:
            self.assertEqual(list(sections), [name for name in ORDER if name in sections], comm)
            for name, (rows, _) in sections.items():
                self.assertGreater(len(rows), 0, (comm, name))

    def test_rows_are_sorted_and_sums_are_theirs(self):
        for _, comm, sections in self.parse():
            for name in ("SYSCALL STATISTICS", "HARD IRQ STATISTICS", "SOFT IRQ STATISTICS"):
                if name not in sections:
                    continue
                rows, (total,) = sections[name]
                totals = [number(row["total"]) for row in rows]
                self.assertEqual(totals, sorted(totals, reverse=True), (comm, name))
                summed = [row for row in rows if row["name"].strip() != "poll"]
                self.assertEqual(number(total["count"]), sum(number(row["count"]) for row in summed), (comm, name))
                self.assertEqual(number(total["total"]), sum(number(row["total"]) for row in summed), (comm, name))
                for row in rows:
                    self.assertLessEqual(number(row["max"]), number(row["total"]))
                    self.assertLessEqual(number(row["total"]), number(row["max"]) * number(row["count"]))

    def test_each_threads_shares_are_its_whole_life(self):
        rows = [line for line in self.accounts if line.split()[0].isdigit()]
        self.assertEqual(len(rows), len(self.parse()))
        for row in rows:
            # TID, THREAD, LIFE ms, USER, RECORDING (a part of it), eight more shares.
            shares = row[27:].split()[1:11]
            self.assertEqual(len(shares), 10, row)
            del shares[1]
            whole = sum(0 if share == "-" else 0.05 if share == "<0.1" else float(share) for share in shares)
            self.assertAlmostEqual(whole, 100, delta=0.5, msg=row)
