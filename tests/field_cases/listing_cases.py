"""Which files are frames: copies, links, trash, folders of network storage."""
import gzip
import os
import shutil

from astropy.io import fits

from cases import Case, both, picture
from night import light, name_of, put

FEW = 6
SKIPPED = (".Trash-1000/files", "$RECYCLE.BIN", ".hidden", "@eaDir", "#recycle", "#snapshot", ".AppleDouble",
           "__MACOSX", "lost+found", "System Volume Information")


def listed(name, change, words=(), remains=FEW, without=(), modes=("run",), **more):
    """Six lights and what `change(folder)` adds: the picture is that of the six."""
    def make(nights, folder):
        nights.link(folder, range(FEW))
        change(folder)

    cards = (("STACKCNT", remains), ("LIVETIME", 60.0 * remains)) if isinstance(remains, int) else ()
    expect = picture(words, remains=remains, without=without, figures=False, sky=(500, 15), cards=cards, **more)
    return Case(name, make, both(expect), modes=modes)


def copies(folder):
    for index in range(FEW):
        shutil.copy(folder / name_of(index), folder / f"copy_of_{name_of(index)}")


def gzipped(folder):
    for index in range(FEW):
        (folder / f"{name_of(index)}.gz").write_bytes(gzip.compress((folder / name_of(index)).read_bytes()))


def packed(folder):
    for index in range(FEW):
        with fits.open(folder / name_of(index)) as file:
            fits.CompImageHDU(file[0].data, file[0].header, compression_type="RICE_1").writeto(
                folder / f"{name_of(index)}.fz")


def as_floats(folder):
    with fits.open(folder / "l02.fit") as file:
        put(folder / "l02_float.fit", file[0].data, "f4", index=2)


def linked_folder(folder):
    other = folder.parent / (folder.name + "-other")
    put(other / "more.fit", light(20), index=20)
    (folder / "sub").symlink_to(other)


def cycle(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "again").symlink_to(folder)


def skipped(where):
    return listed("skipped-" + where.strip(".$@#").split("/")[0].replace(" ", "-"), lambda folder: put(
        folder / where / "deleted.fit", 3 * light(20), index=20), without=(where,))


def sub_folders(folder):
    for index in (10, 11):
        put(folder / "evening" / name_of(index), light(index), index=index)


def short_exposures(nights, folder):
    """A camera that writes whole seconds: equal times and exposures, other frames."""
    for index in range(FEW):
        put(folder / name_of(index), nights.lights[index], DATE_OBS=f"2024-03-01T20:00:0{index // 3}", EXPTIME=0.3)


CASES = [
    listed("twins-copies", copies, ("copy_of_l00", ), without=tuple(f"copy_of_{name_of(i)}" for i in range(FEW)),
           modes=("run", "master", "plan")),
    listed("twins-gz", gzipped, (r"l00\.fit\.gz",), without=tuple(f"{name_of(i)}.gz" for i in range(FEW))),
    listed("twins-fz", packed, (r"l00\.fit\.fz",), without=tuple(f"{name_of(i)}.fz" for i in range(FEW))),
    listed("twins-hard-link", lambda folder: os.link(folder / "l02.fit", folder / "l02b.fit"), (r"l02b\.fit",),
           without=("l02b.fit",)),
    listed("twins-link", lambda folder: (folder / "l02b.fit").symlink_to(folder / "l02.fit"), (r"l02b\.fit",),
           without=("l02b.fit",)),
    listed("twins-float", as_floats, (r"l02_float\.fit",), without=("l02_float.fit",)),
    listed("twins-in-folder", lambda folder: put(folder / "z" / "l02.fit", fits.getdata(folder / "l02.fit"), index=2),
           (r"z/l02\.fit",), without=("z",)),
    Case("short-exposures", short_exposures, both(picture(remains=FEW, figures=False, sky=(500, 15), cards=(
        ("STACKCNT", FEW), ("EXPTIME", 0.3))))),
    *(skipped(where) for where in SKIPPED),
    listed("skipped-apple-file", lambda folder: (folder / "._l00.fit").write_bytes(b"\0\5\26\7" + bytes(4096)),
           without=("._l00.fit",)),
    listed("linked-folder", linked_folder, ("sub",), remains=(FEW, FEW + 1)),
    listed("linked-cycle", cycle, ("again",)),
    listed("dangling-link", lambda folder: (folder / "l02c.fit").symlink_to("nowhere.fit"), (r"l02c\.fit",), without=("l02c.fit",), codes=(0, 4)),
    listed("sub-folders", sub_folders, remains=FEW + 2),
]
