"""What a run of the benchmarks has to hold."""


class Bounds:
    """Collects what does not hold. A measurement that fails is made once more, and fails only when it does so again."""

    def __init__(self):
        self.failed = []
        self._now = []

    def __call__(self, holds, text):
        print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {text}", flush=True)
        if not holds:
            self._now.append(text)

    def measure(self, measurement, *arguments):
        """`measurement(*arguments, bound)` prints its figures, and tells `bound` what has to hold."""
        self._now = []
        measurement(*arguments, self)
        if not self._now:
            return
        print("  that is measured once more, before it counts:", flush=True)
        self._now = []
        measurement(*arguments, self)
        self.failed += self._now

    def finish(self):
        """Ends the program: with 1 where something does not hold."""
        if not self.failed:
            print("all bounds hold")
            raise SystemExit(0)
        print(f"{len(self.failed)} bound{'s do' if len(self.failed) > 1 else ' does'} not hold, twice in a row:")
        for text in self.failed:
            print(f"  {text}")
        raise SystemExit(1)
