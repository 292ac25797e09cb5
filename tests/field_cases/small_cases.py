"""Files and words that trip programs: odd names, axes of 1, several images, tabs, home folders, fields without stars."""
import numpy
from astropy.io import fits

from cases import DEEP, V2, Case, both, picture, refused
from night import FRAMES, HIGH, WIDE, blank, coloured, header, light, name_of, put

FEW = 6
ESCAPE = "\x1b[31mred\x07"
SIX = {"remains": FEW, "figures": False, "sky": (500, 15)}


def few(make):
    def written(nights, folder):
        nights.link(folder, range(FEW))
        make(folder)
    return written


def odd_names(nights, folder):
    for index in range(FEW):
        put(folder / f"l{ESCAPE}\n{index}.fit", nights.lights[index], index=index)


def damaged_odd_name(nights, folder):
    nights.link(folder)
    (folder / f"m{ESCAPE}.fit").write_bytes((folder / "l00.fit").read_bytes()[:4000])


def odd_header(nights, folder):
    """Bytes that no header may hold, which cameras write all the same."""
    for index in range(FEW):
        put(folder / name_of(index), nights.lights[index], index=index, OBJECT="M31 _[31mred_", FILTER="L" if index else "_[2J")
        path = folder / name_of(index)
        path.write_bytes(path.read_bytes().replace(b"_[31mred_", b"\x1b[31mred\x07").replace(b"'_[2J", b"'\x1b[2J"))


def no_control_bytes(outcome):
    path = outcome.run_dir / "stacked.fit"
    raw = path.read_bytes()
    head = raw[:raw.index(b"END" + b" " * 77)]
    return ["control bytes in the header of the product"] if any(byte < 32 or byte > 126 for byte in head) else []


def axes_of_one(nights, folder, colour=False):
    for index in range(FEW):
        data = coloured(nights.lights[index], index)[None] if colour else nights.lights[index][None, None]
        put(folder / name_of(index), data, index=index)


def one_with_axes(nights, folder):
    nights.link(folder, range(FEW))
    put(folder / name_of(3), nights.lights[3][None, None], index=3)


def several_images(nights, folder, first_empty=False):
    for index in range(FEW):
        image = numpy.clip(numpy.rint(nights.lights[index]), 0, 65535).astype("u2")
        cards = header(index, {})
        mask = fits.ImageHDU(numpy.zeros((HIGH, WIDE), "u1"), name="MASK")
        first = [fits.PrimaryHDU(), fits.ImageHDU(image, cards, name="SCI")] if first_empty else \
            [fits.PrimaryHDU(image, cards)]
        folder.mkdir(parents=True, exist_ok=True)
        fits.HDUList([*first, mask]).writeto(folder / name_of(index))


def nebula(index):
    y, x = numpy.mgrid[0:HIGH, 0:WIDE]
    cloud = 400 * numpy.exp(-((x - 90)**2 / 2 / 40**2 + (y - 80)**2 / 2 / 30**2))
    return light(index, clear=0.0, glow=cloud)


def starless(nights, folder, dark=False):
    for index in range(FRAMES):
        put(folder / name_of(index), nebula(index), index=index)
    if dark:
        put(folder / "z.fit", blank(100, 4), index=100)


def configured(text, environment=None):
    """`run` of a configuration of its own; FOLDER in it becomes the folder of the frames."""
    def command(folder, out):
        file = folder.parent / (folder.name + ".yaml")
        file.write_text(text.replace("FOLDER", str(folder)).replace("NAME", folder.name) + "profile: v2\n")
        words = ["run", str(file), "--output", str(out), "--set", "data.frames_min=2"]
        return words, {key: value(folder) for key, value in (environment or {}).items()}
    return command


def simulate_quiet(folder, out):
    return ["simulate", str(out / "night"), "--frames", "3", "--width", "100", "--height", "80", "--stars", "10", "--quiet"], {}


def says_nothing(outcome):
    return [f"it prints {outcome.text[:60]!r}"] if outcome.text.strip() else []


def nothing(nights, folder):
    nights.link(folder, range(FEW))


HOME = {"HOME": lambda folder: str(folder.parent)}
CASES = [
    Case("control-characters-in-names", odd_names, both(picture(**SIX))),
    Case("control-characters-in-a-bad-name", damaged_odd_name, {
        DEEP: picture((r"\\x1b|\\u001b|\\033|\\e",), remains=FRAMES),
        V2: refused(r"\\x1b|\\u001b|\\033|\\e")}),
    Case("control-characters-in-headers", odd_header, both(picture(check=no_control_bytes, codes=(0, 4), **SIX))),
    Case("four-axes", axes_of_one, both(picture(**SIX))),
    Case("four-axes-in-one", one_with_axes, both(picture(**SIX))),
    Case("four-axes-colour", lambda nights, folder: axes_of_one(nights, folder, True),
         {DEEP: picture(remains=FEW, figures=False, sky=(500, 60))}, "colour"),
    Case("several-images", several_images, both(picture(("MASK|image|HDU", "first|primary|taken|used"), **SIX))),
    Case("several-images-in-extensions", lambda nights, folder: several_images(nights, folder, True),
         both(picture(("SCI", "MASK|taken|used"), **SIX))),
    Case("starless", starless, both(picture(("too few stars|no star|few stars|without stars|star-less|stars are needed",),
                                            never=("from 1 star",), remains=FRAMES, figures=False, sky=(500, 120)))),
    Case("starless-with-dark", lambda nights, folder: starless(nights, folder, True),
         {DEEP: picture((r"z\.fit",), never=("from 1 star",), remains=FRAMES, figures=False, sky=(500, 120),
                        left_out=("z.fit",))}),
    Case("tab-in-yaml", nothing, {V2: refused(r"\btab\b", r":2\b|line 2", code=2)}, command=configured("input:\n\tdir: FOLDER\n")),
    Case("tilde", nothing, {V2: picture(**SIX)}, command=configured("input: {dir: '~/NAME'}\n", HOME)),
    Case("tilde-of-others", nothing, {V2: refused("~root", code=2)}, command=configured("input: {dir: '~root/NAME'}\n", HOME)),
    Case("simulate-quiet", nothing, {V2: picture(figures=False, cards=(), check=says_nothing)}, command=simulate_quiet),
]
