"""What headers say: kinds of frames, exposures, times, filters, and what they get wrong."""
from cases import DEEP, Case, both, picture, quarantined, refused
from night import FRAMES, HIGH, WIDE, coloured, name_of, put

FEW = 6


def with_cards(cards_of, frames=FEW, colour=False):
    """The first frames of the night with cards of their own: `cards_of(index)`."""
    def make(nights, folder):
        for index in range(frames):
            image = nights.lights[index]
            put(folder / name_of(index), coloured(image, index) if colour else image, index=index, **cards_of(index))
    return make


def few(name, cards_of, words=(), frames=FEW, colour=False, v2=True, settings=(), **more):
    """A picture whose cards matter, not its stars (they are those of the clean night, so few frames will do)."""
    more = {"remains": frames, "figures": frames == FRAMES, "sky": (500, 15), **more}
    if colour:
        more["sky"] = (500, 60)
    expect = picture(words, **more)
    return Case(name, with_cards(cards_of, frames, colour), both(expect) if v2 else {DEEP: expect},
                "colour" if colour else "mono", settings=settings)


def total(frames, each=60.0, stacks=1):
    return (("STACKCNT", frames * stacks), ("EXPTIME", each), ("LIVETIME", frames * stacks * each))


SIXTY = ["60,0", "60.0", " 60 ", "60 s", "60s", "60.0 sec", "60 seconds", "6.0E1", "6.0D1", "60", 60, 60.0]
DATES = {  # spelling: cards of a frame whose exposure began on 2024-03-01 at 20:MM:00
    "date+time": lambda m: {"DATE_OBS": "2024-03-01", "TIME_OBS": f"20:{m:02d}:00"},
    "date+ut": lambda m: {"DATE_OBS": "2024-03-01", "UT": f"20:{m:02d}:00"},
    "blank": lambda m: {"DATE_OBS": f"2024-03-01 20:{m:02d}:00"},
    "no-seconds": lambda m: {"DATE_OBS": f"2024-03-01T20:{m:02d}"},
    "fractions": lambda m: {"DATE_OBS": f"2024-03-01T20:{m:02d}:00.0000"},
    "slashes": lambda m: {"DATE_OBS": f"2024/03/01T20:{m:02d}:00"},
    "day-first": lambda m: {"DATE_OBS": f"01/03/2024 20:{m:02d}:00"},
    "old-fits": lambda m: {"DATE_OBS": "01/03/99", "TIME_OBS": f"20:{m:02d}:00"},
    "z": lambda m: {"DATE_OBS": f"2024-03-01T20:{m:02d}:00Z"},
    "offset": lambda m: {"DATE_OBS": f"2024-03-01T21:{m:02d}:00+01:00"},
    "mjd": lambda m: {"DATE_OBS": None, "MJD_OBS": 60370 + (20 * 60 + m) / 1440},
    "jd": lambda m: {"DATE_OBS": None, "JD": 2460370.5 + (20 * 60 + m) / 1440},
}
KINDS = {  # as capture programs write them
    "IMAGETYP-Dark Frame": ("IMAGETYP", "Dark Frame", "dark"), "IMAGETYP-DARK": ("IMAGETYP", "DARK", "dark"),
    "IMAGETYP-Bias": ("IMAGETYP", "Bias", "bias"), "IMAGETYP-Flat Field": ("IMAGETYP", "Flat Field", "flat"),
    "IMAGETYP-FLAT": ("IMAGETYP", "FLAT", "flat"), "IMAGETYP-Dark Flat": ("IMAGETYP", "Dark Flat", "dark|flat"),
    "IMAGETYP-Master Dark": ("IMAGETYP", "Master Dark", "dark"), "FRAME-Dark": ("FRAME", "Dark", "dark"),
    "FRAME-Bias": ("FRAME", "Bias", "bias"), "OBSTYPE-FLAT": ("OBSTYPE", "FLAT", "flat"),
    "OBSTYPE-zero": ("OBSTYPE", "zero", "bias|zero"),
}
LIGHTS = ("Light Frame", "LIGHT", "Light", "light", "Master Light", "object", "OBJECT", "science", "Tricolor Image")
MIXED = {"FILTER": ("L", "Ha"), "GAIN": (100, 200), "OFFSET": (10, 50), "INSTRUME": ("ZWO ASI294MM", "ZWO ASI1600MM"),
         "XBINNING": (1, 2), "ROWORDER": ("BOTTOM-UP", "TOP-DOWN")}


def kind(name):
    """One light of the sky whose header calls it a dark, bias or flat: the header is believed."""
    key, value, word = KINDS[name]

    def make(nights, folder):
        nights.link(folder)
        put(folder / name_of(7), nights.lights[7], index=7, **{key: value})

    return Case("kind-" + name.replace(" ", "-"), make, quarantined(("l07.fit",), (word,), remains=FRAMES - 1),
                modes=("run", "plan") if name == "IMAGETYP-DARK" else ("run",))


def mixed(key):
    usual, odd = MIXED[key]
    codes = (0, 4) if key == "ROWORDER" else (0,)
    return few("mixed-" + key, lambda i: {key: odd if i in (2, 3) else usual}, (key, r"l02\.fit"), frames=8, codes=codes)


def world(index, ra=150.0):
    return {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": WIDE / 2, "CRPIX2": HIGH / 2, "CRVAL1": ra,
            "CRVAL2": 20.0, "CDELT1": -0.0003, "CDELT2": 0.0003}


def exposures(texts):
    """Frames of 60 s and five of 10 s, written as texts."""
    def make(nights, folder):
        for index in range(FRAMES):
            short = index >= 25
            image = (nights.lights[index] - 500) / 6 + 500 if short else nights.lights[index]
            put(folder / name_of(index), image, index=index, EXPTIME=texts[short])
    return Case("exposures-" + texts[0].replace(" ", "-").replace(",", "-"), make, quarantined(
        tuple(name_of(index) for index in range(25, FRAMES)), ("exposure|EXPTIME",), remains=25, cards=total(25),
        width=(0.98, 1.02)))  # the seeing of 25 is not that of 30


def no_keys(*keys):
    def check(outcome):
        found = [key for key in keys if key in outcome.header("stacked.fit")]
        return [f"the product carries {', '.join(found)}"] if found else []
    return check


def single_exposure_cards(index):
    """Keys that hold for one exposure only."""
    days = (20 * 3600 + 62 * index) / 86400  # the same as DATE-OBS
    return {"MJD_OBS": 60370 + days, "JD": 2460370.5 + days, "AIRMASS": 1.1 + 0.1 * index,
            "CENTALT": 60.0 - index, "CCD_TEMP": -10.0 + 0.1 * index, "FOCUSPOS": 1000 + index, "HFR": 2.0 + 0.1 * index,
            "FILENAME": name_of(index), "IMAGEID": index, "EXPSTART": 60370 + days, "TELAPSE": 61.0,
            "HA": 0.1 * index}


def recomputed(outcome):
    """None of these may be that of the first frame alone."""
    made, wrong, first_day = outcome.header("stacked.fit"), [], 60370 + 20 / 24
    for key, fits_well in {"AIRMASS": 1.35, "CENTALT": 57.5, "CCD-TEMP": -9.75, "FOCUSPOS": 1002.5, "HFR": 2.25,
                           "HA": 0.25}.items():
        if key in made and not abs(float(made[key]) - fits_well) < 0.01 * abs(fits_well) + 0.005:
            wrong.append(f"{key} is {made[key]}, the mean {fits_well}")
    wrong += [f"{key} is {made[key]}" for key in ("FILENAME", "IMAGEID") if key in made]
    for key, first, last in (("MJD-OBS", first_day, first_day), ("JD", first_day + 2400000.5, first_day + 2400000.5 + 310 / 86400),
                             ("EXPSTART", first_day, first_day)):
        if key in made and not first - 1e-6 <= float(made[key]) <= last + 1e-6:
            wrong.append(f"{key} is {made[key]}")
    if "TELAPSE" in made and float(made["TELAPSE"]) < 300:
        wrong.append(f"TELAPSE is {made['TELAPSE']}")
    return wrong


RAW = refused("raw colour frames", r"input\.stage", r"registration\.engine")
MOSAIC = ("BAYERPAT", "XBAYROFF", "YBAYROFF", "COLORTYP")
CASES = [
    *(kind(name) for name in KINDS),
    few("kinds-of-lights", lambda i: {"IMAGETYP": LIGHTS[i]}, frames=len(LIGHTS)),
    few("exptime-spellings", lambda i: {"EXPTIME": SIXTY[i]}, frames=len(SIXTY), cards=total(len(SIXTY))),
    few("exposure-key", lambda i: {"EXPTIME": None, "EXPOSURE": 60.0}, cards=total(FEW)),
    exposures(("60,0", "10,0")), exposures(("60 s", "10 s")), exposures(("60.0", "10.0")),
    few("exptime-unreadable", lambda i: {"EXPTIME": "one minute" if i == 2 else 60.0}, ("EXPTIME", r"l02\.fit"),
        cards=(("STACKCNT", FEW), ("LIVETIME", None))),
    few("exptime-missing-in-one", lambda i: {"EXPTIME": None if i == 2 else 60.0}, ("LIVETIME|exposure", r"l02\.fit|1 of 6"),
        cards=(("STACKCNT", FEW), ("LIVETIME", None))),
    few("stacks-of-10", lambda i: {"STACKCNT": 10, "LIVETIME": 600.0}, frames=FRAMES,
        cards=(*total(FRAMES, stacks=10), ("NCOMBINE", 300))),
    few("stacks-ncombine", lambda i: {"NCOMBINE": 10, "LIVETIME": 600.0}, cards=total(FEW, stacks=10)),
    few("stacks-of-5-and-10", lambda i: {"STACKCNT": 5 + 5 * (i % 2), "LIVETIME": 300.0 * (1 + i % 2)},
        cards=(("STACKCNT", 45), ("LIVETIME", 2700.0))),
    few("stacks-totalexp", lambda i: {"STACKCNT": 10, "TOTALEXP": 600.0}, cards=total(FEW, stacks=10)),
    few("stacks-without-livetime", lambda i: {"STACKCNT": 10}, cards=(("STACKCNT", 60), ("LIVETIME", (None, 3600.0)))),
    *(few("date-" + name, cards_of, cards=(
        ("DATE-OBS", ("1999" if name == "old-fits" else "2024") + "-03-01T20:00:00"),
        ("DATE-END", ("1999" if name == "old-fits" else "2024") + "-03-01T20:06:00")), v2=name == "date+time")
      for name, cards_of in DATES.items()),
    few("date-unreadable", lambda i: {"DATE_OBS": "yesterday"} if i == 2 else {}, ("DATE-OBS", r"l02\.fit|yesterday")),
    few("date-all-equal", lambda i: {"DATE_OBS": "2024-03-01T20:00:00"}, frames=FRAMES, cards=total(FRAMES)),
    few("single-exposure-keys", single_exposure_cards, check=recomputed),
    Case("bayer-on-mono", with_cards(lambda i: {"BAYERPAT": "RGGB"}), both(RAW)),
    Case("bayer-on-mono-30", with_cards(lambda i: {"BAYERPAT": "GRBG", "XBAYROFF": 0}, FRAMES), both(RAW)),
    few("bayer-mono-wanted", lambda i: {"BAYERPAT": "RGGB"}, settings=("data.color_mode=MONO",)),
    few("bayer-on-colour", lambda i: {"BAYERPAT": "RGGB", "XBAYROFF": 0, "YBAYROFF": 0, "COLORTYP": "RGGB"}, colour=True,
        check=no_keys(*MOSAIC)),
    *(mixed(key) for key in MIXED),
    few("mixed-BAYERPAT", lambda i: {"BAYERPAT": "GRBG" if i in (2, 3) else "RGGB"}, ("BAYERPAT", r"l02\.fit"), frames=8,
        colour=True, check=no_keys("BAYERPAT")),
    few("mixed-CRVAL", lambda i: world(i, 151.0 if i in (2, 3) else 150.0), (r"CRVAL|WCS|coordinate", r"l02\.fit"), frames=8,
        check=no_keys("CRVAL1")),
    few("equal-WCS", world, cards=(("CRVAL1", 150.0),)),
]
