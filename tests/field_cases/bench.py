"""Runs cases: writes their frames, starts the program, compares with the clean nights."""
import contextlib
import dataclasses
import hashlib
import itertools
import os
import pathlib
import shutil
import subprocess
import threading

import stars
from cases import DEEP, FAST, SMART, V2
from night import BRIGHT, Nights
from outcome import Outcome, judge
from real_cases import REAL

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 900
FILES = {DEEP: "deep-sky", V2: "tile_compile.v2", SMART: "smart-telescope", FAST: "fast"}
# The frames are small and few, and the verdict on the picture is not the point.
SETTINGS = ("input.stage=registered", "data.frames_min=2", "data.image_width=0", "data.image_height=0", "data.color_mode=auto",
            "validation.min_fwhm_improvement_percent=-1000", "validation.max_background_rms_increase_percent=10000",
            "validation.min_tile_weight_variance=0", "validation.require_no_tile_pattern=false")


class Missing(Exception):
    """Something that a case needs is not on this machine."""


@dataclasses.dataclass
class Row:
    case: str
    profile: str
    mode: str
    code: int
    wrong: list
    figures: list
    unit: float
    cards: list
    left_out: int


class Once:
    """Values that are made at first use, by one thread."""

    def __init__(self):
        self.lock, self.values = threading.RLock(), {}

    def get(self, key, make):
        with self.lock:
            if key not in self.values:
                self.values[key] = make()
            return self.values[key]


class Bench:
    def __init__(self, program, folder, keep, clean_folders):
        self.path, self.folder, self.keep, self.clean_folders = program, folder, keep, clean_folders
        folder.mkdir(parents=True, exist_ok=True)
        self.nights = Nights(folder / "clean")
        self.nights.own_run = lambda: self.clean_run("mono", DEEP, ()).run_dir
        self.nights.program = lambda *words: subprocess.run([program, *words], check=True, capture_output=True, timeout=LIMIT_S)
        self.known, self.broker, self.number = Once(), folder / "broker", itertools.count(1)
        self.one_master = threading.Lock()  # workers of another would take its tasks, and do not see its storage

    # ---- runs

    def port(self):
        if not pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists():
            raise Missing("no rabbitmq-server")
        done = subprocess.run([ROOT / "scripts" / "private-broker.sh", "start", self.broker], capture_output=True, text=True,
                              env={**os.environ, "PRIVATE_BROKER_OWNER": str(os.getpid())}, check=True, timeout=120)
        return int(done.stdout)

    def words(self, profile, mode, frames, settings):
        values = [f"input.dir={frames}", *SETTINGS, *settings]
        if mode == "master":
            values.append(f"broker.port={self.known.get('port', self.port)}")
        more = ["--workers", "2"] if mode == "master" else []
        return [mode, str(ROOT / "config" / f"{FILES[profile]}.yaml"), *more,
                *(word for value in values for word in ("--set", value))]

    def run(self, words, frames, out, environment=None):
        out.mkdir(parents=True)
        if words[0] in ("run", "master") and "--output" not in words:
            words = [*words, "--output", str(out), "--threads", "1"]
        with self.one_master if words[0] == "master" else contextlib.nullcontext():
            done = subprocess.run([self.path, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, check=False,
                                  timeout=LIMIT_S)
        if self.keep:
            (out / "printed.txt").write_bytes(done.stdout)
        return Outcome(done.returncode, done.stdout.decode(errors="replace"), frames, out)

    def reference(self, kind, profile, settings, make_frames):
        """A run that others are compared with, made once."""
        def make():
            frames = make_frames()
            out = self.folder / "references" / hashlib.sha256(repr((kind, profile, settings)).encode()).hexdigest()[:16]
            outcome = self.run(self.words(profile, "run", frames, settings), frames, out)
            if outcome.code != 0:
                raise RuntimeError(f"the run to compare with ({kind}, {profile}) ended with {outcome.code}: {outcome.text[-600:]}")
            return outcome
        return self.known.get((kind, profile, settings), make)

    def clean_run(self, kind, profile, settings):
        def frames():
            folder = self.nights.folder / kind
            if kind in self.clean_folders and not folder.exists():
                self.clean_folders[kind](folder)
            return folder
        return self.reference(kind, profile, settings, frames)

    def run_without(self, frames, names, profile, settings):
        """The run of a folder without some of its files."""
        rest = frames.parent / (frames.name + "-rest")
        shutil.rmtree(rest, ignore_errors=True)
        shutil.copytree(frames, rest, symlinks=True, copy_function=os.link)
        for name in names:
            path = rest / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        files = sorted(path for path in rest.rglob("*") if path.is_file())
        content = tuple((str(path.relative_to(rest)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files)
        return self.reference(content, profile, settings, lambda: rest)

    # ---- cases

    def check_needs(self, case):
        if case.needs == "siril":
            if shutil.which("siril-cli") is None:
                raise Missing("no siril-cli")
        elif case.needs and not (REAL / case.needs).is_dir():
            raise Missing(f"no real frames at {REAL / case.needs}")

    def places(self, kind, profile, settings):
        if kind in ("mono", "colour"):
            return BRIGHT
        clean = self.clean_run(kind, profile, settings)
        return self.known.get((kind, "places"), lambda: stars.find(clean.plane("classical.fits")))

    def row(self, case, profile, mode):
        self.check_needs(case)
        expect = case.expect[profile]
        place = self.folder / f"{next(self.number):04d}"  # a name without words, since the program prints it
        place.mkdir()
        (place / "case").write_text(f"{case.name} {profile} {mode}\n")
        frames, out = place / "night", place / "out"
        case.make(self.nights, frames)
        if case.command:
            words, environment = case.command(frames, out)
        else:
            words, environment = self.words(profile, mode, frames, case.settings), None
        outcome = self.run(words, frames, out, environment)
        if mode == "plan":
            expect = dataclasses.replace(expect, check=None)
        clean = places = None
        if case.clean and not case.command and outcome.code == 0:
            clean, places = self.clean_run(case.clean, profile, case.settings), self.places(case.clean, profile, case.settings)
        wrong, figures = judge(outcome, expect, clean, places,
                               lambda names: self.run_without(frames, names, profile, case.settings))
        head = outcome.header("stacked.fit") if outcome.run_dir and (outcome.run_dir / "stacked.fit").exists() else {}
        cards = [str(head.get(key, "")) for key in ("STACKCNT", "EXPTIME", "LIVETIME", "DATE-OBS")]
        row = Row(case.name, profile, mode, outcome.code, wrong, figures, expect.unit, cards, len(outcome.left_out()))
        if not self.keep:
            shutil.rmtree(place)
        return row

    def close(self):
        if self.broker.exists():
            subprocess.run([ROOT / "scripts" / "private-broker.sh", "stop", self.broker], check=False, timeout=60)
