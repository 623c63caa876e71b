"""A program of this workspace that does works on request (`benches::serve`)."""

import subprocess


class WorkerError(RuntimeError):
    """The program on the other side said `error`, or ended."""


class Worker:
    """Lines in, lines out: `prepare WORK` → `ok`; `run` → `MILLISECONDS CHECKSUM`."""

    def __init__(self, program):
        self.program = str(program)
        self.process = subprocess.Popen(
            [self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def _ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise WorkerError(f"{self.program} ended at `{line}` (exit {self.process.poll()})")
        if answer.startswith("error"):
            raise WorkerError(f"{self.program}, `{line}`: {answer[6:]}")
        return answer

    def prepare(self, work):
        self._ask(f"prepare {work}")

    def run(self):
        """Milliseconds and checksum of one run."""
        milliseconds, checksum = self._ask("run").split()
        return float(milliseconds), float(checksum)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()
        self.process.stdout.close()
