"""Makes the rows' pictures and keeps them: a run is repeated only when its arguments or the program change."""
import hashlib
import json
import pathlib
import resource
import shutil
import subprocess
import time

from astropy.io import fits

from datasets import ROOT
from measure import find_run

FRAMES_MIN = "data.frames_min=2"
SHAPE_OF_EXAMPLE = ("data.image_width=0", "data.image_height=0", "data.color_mode=MONO")


class NotOffered(Exception):
    """This build has no such key, value or configuration file."""


class RunFailed(Exception):
    """A run ended with an error."""


def digest_of(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Program:
    """The built tilecompile. `reuse`: runs of other builds count as made."""

    def __init__(self, path, reuse=False):
        self.path, self.reuse = str(path), reuse
        self.digest = "any" if reuse else digest_of(path)

    def arguments(self, run, frames_dir, settings):
        config = ROOT / run.config
        if not config.exists():
            raise NotOffered(run.config)
        own = [f"input.dir={frames_dir}", FRAMES_MIN, *SHAPE_OF_EXAMPLE, *settings, *run.settings]
        return [str(config)] + [part for value in own for part in ("--set", value)]

    def check_offered(self, arguments):
        """Asks the program whether it knows every key before frames are read."""
        answer = subprocess.run([self.path, "config", *arguments], capture_output=True, text=True, check=False)
        if answer.returncode == 2:
            raise NotOffered(answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "configuration")

    def run(self, arguments, folder):
        """The run directory of these arguments, made or found again below `folder`."""
        key = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:16]
        out = folder / "runs" / key
        stamp = out / "made.json"
        if stamp.exists():
            made = json.loads(stamp.read_text())
            if self.reuse or made["program"] == self.digest:
                return find_run(out)
        self.check_offered(arguments)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        done = subprocess.run([self.path, "run", *arguments, "--output", str(out), "--quiet"], capture_output=True,
                              text=True, check=False)
        if done.returncode not in (0, 3):  # 3: a picture that missed its thresholds
            raise RunFailed(f"tilecompile run {' '.join(arguments)}\nended with {done.returncode}\n{done.stderr}")
        stamp.write_text(json.dumps({"program": digest_of(self.path), "arguments": arguments}))
        return find_run(out)


def run_seconds(run_dir):
    """CPU seconds of all phases: on a busy machine the only time that says something."""
    phases = json.loads((run_dir / "run.json").read_text())["phases"]
    return sum(phase["cpu_seconds"] for phase in phases)


def timed(make):
    """(result, CPU seconds of this process and its children)."""
    before = cpu_seconds()
    result = make()
    return result, cpu_seconds() - before


def cpu_seconds():
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def write_picture(path, image):
    fits.writeto(path, image.astype("float32"), overwrite=True)
