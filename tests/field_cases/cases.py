"""What a case is: frames, what is said about them, and what must come of it."""
import dataclasses
from typing import Callable, Optional

DEEP, V2, SMART, FAST = "deep-sky", "v2", "smart-telescope", "fast"
CLOSE = (0.99, 1.01)


@dataclasses.dataclass(frozen=True)
class Expect:
    """What must come of a run. Words are regular expressions, any case; each must stand in the output."""
    codes: tuple = (0,)
    words: tuple = ()
    never: tuple = ()             # words that must not stand there
    left_out: tuple = ()          # paths that the record names as left out, exactly these
    without: tuple = ()           # files or folders without which the bits are the same; empty: those left out
    remains: Optional[int] = None  # frames that are used; None: not looked at
    cards: tuple = ()             # (card, value) of stacked.fit; None: absent; text: how it begins
    sky: Optional[tuple] = None   # (level, tolerance); None: that of the clean night
    figures: bool = True          # whether star flux and FWHM are looked at; each over that of the clean night:
    flux: tuple = CLOSE
    width: tuple = CLOSE
    mean_width: Optional[tuple] = None  # of the plain mean where it is another, by right
    unit: float = 1.0             # of the pixels, in units of the clean night
    check: Optional[Callable] = None  # (outcome) -> what is wrong, a list of texts

    def pictures(self):
        return 0 in self.codes


def picture(words=(), **more):
    return Expect(words=tuple(words), **more)


def refused(*words, code=4, **more):
    return Expect(codes=(code,), words=words, **more)


@dataclasses.dataclass(frozen=True)
class Case:
    """`make(nights, folder)` writes the frames; `expect`: profile -> Expect."""
    name: str
    make: Callable
    expect: dict
    clean: str = "mono"           # the clean night that the picture is compared with
    settings: tuple = ()          # `--set` beside those of the profile
    modes: tuple = ("run",)       # run, master, plan (which only names what it finds)
    slow: bool = False
    needs: str = ""               # siril, or a folder of the real frames
    command: Optional[Callable] = None  # (folder, out) -> words in place of `run PROFILE`, and environment


def both(expect):
    return {DEEP: expect, V2: expect}


def quarantined(names, v2_words=(), **more):
    """The recommended profile names and leaves out; the literal method ends and names."""
    named = tuple(name.replace(".", r"\.") for name in names)
    words = tuple(v2_words)
    return {DEEP: picture(words + named, left_out=tuple(names), **more), V2: refused(*words, *named)}
