"""Raw frames, which Siril registers: some of them show no stars."""
from cases import DEEP, V2, Case, picture, refused
from night import light, name_of, put

CLOUDY = (5, 9)
NAMES = tuple(name_of(index) for index in CLOUDY)
SETTINGS = ("input.stage=raw", "registration.engine=siril", "stacking.engine=internal", f"registration.reference={name_of(0)}",
            "registration.allow_rotation=false")


def drifting(cloudy):
    """A night that drifts; in some frames clouds hide all stars."""
    def make(_nights, folder):
        for index in range(14):
            put(folder / name_of(index), light(index, 0.7 * index, -0.4 * index, clear=0.0 if index in cloudy else 1.0), index=index)
    return make


def raw(name, cloudy, expect, *settings):
    return Case(name, drifting(cloudy), expect, settings=(*SETTINGS, *settings), slow=True, needs="siril")


SAID = (*(name.replace(".", r"\.") for name in NAMES), r"\b10\b")  # stars asked for
SEEN = {"figures": False, "sky": (500, 15)}
CASES = [
    raw("raw-clear", (), {DEEP: picture(remains=14, **SEEN), V2: picture(remains=14, **SEEN)},
        "registration.min_star_matches=10"),
    raw("raw-cloudy", CLOUDY, {DEEP: picture(SAID, remains=12, left_out=NAMES, without=(), **SEEN), V2: refused(*SAID)},
        "registration.min_star_matches=10"),
    raw("raw-cloudy-default", CLOUDY, {DEEP: picture(SAID, remains=12, left_out=NAMES, **SEEN)}),
]
