"""How a run of a case ended, and what is wrong with that."""
import json
import pathlib
import re

import numpy
from astropy.io import fits

import stars


class Outcome:
    """A finished run: exit code, everything it printed, and its files."""

    def __init__(self, code, text, folder, out):
        self.code, self.folder = code, folder
        # Without paths, ids and digests of ours, whose letters could be taken for words.
        self.text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}", "#", text.replace(str(pathlib.Path(out).parent), ""))
        runs = sorted(run for run in pathlib.Path(out).glob("*/run.json") if not run.parent.is_symlink())
        self.run_dir = runs[0].parent if len(runs) == 1 else None
        self.record = json.loads(runs[0].read_text()) if self.run_dir else {}

    def plane(self, product, channel=0):
        data = fits.getdata(self.run_dir / product)
        return data if data.ndim == 2 else data[channel]

    def header(self, product):
        return fits.getheader(self.run_dir / product)

    def channels(self):
        return self.record["frames"]["channels"]

    def digests(self):
        return {name: product["digest"] for name, product in self.record.get("products", {}).items()}

    def left_out(self):
        """Paths of all lists of the record that name frames which were not used."""
        return {entry["path"] if isinstance(entry, dict) else entry for key, entries in self.record.items()
                if re.search("quarantin|left_out|duplicate|skipped", key) and isinstance(entries, list) for entry in entries}


def is_card(found, wanted):
    if isinstance(wanted, tuple):
        return any(is_card(found, one) for one in wanted)
    if wanted is None or found is None:
        return found is wanted
    if isinstance(wanted, str):
        return str(found).startswith(wanted)
    try:
        return abs(float(found) - wanted) <= 1e-6 * abs(wanted)
    except ValueError:
        return False


def wrong_words(outcome, expect):
    wrong = [f"it does not say /{word}/" for word in expect.words if not re.search(word, outcome.text, re.IGNORECASE)]
    wrong += [f"it says /{word}/" for word in expect.never if re.search(word, outcome.text, re.IGNORECASE)]
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in outcome.text):
        wrong.append("it prints control characters")
    return wrong


def wrong_frames(outcome, expect):
    wrong, used = [], outcome.record["frames"]["count"]
    wanted = expect.remains if isinstance(expect.remains, tuple) else (expect.remains,)
    if expect.remains is not None and used not in wanted:
        wrong.append(f"{used} frames are used, not {expect.remains}")
    if expect.left_out and outcome.left_out() != set(expect.left_out):
        wrong.append(f"left out {sorted(outcome.left_out())}, not {sorted(expect.left_out)}")
    return wrong


def wrong_cards(outcome, expect):
    head = outcome.header("stacked.fit")
    return [f"{key} is {head.get(key)!r}, not {value!r}" for key, value in expect.cards if not is_card(head.get(key), value)]


def figures(outcome, clean, places):
    """[(product, channel, star flux, FWHM, sky)] against the clean night."""
    return [(product, channel, *stars.compare(outcome.plane(product, channel), clean.plane(product, channel), places),
             float(numpy.nanmedian(outcome.plane(product, channel))))
            for product in ("stacked.fit", "classical.fits") for channel in range(outcome.channels())]


def wrong_figures(rows, expect, clean):
    wrong = []
    for product, channel, flux, width, sky in rows:
        level, tolerance = expect.sky or (expect.unit * float(numpy.nanmedian(clean.plane(product, channel))), None)
        if tolerance is None:
            tolerance = 0.01 * max(abs(level), expect.unit)
        if not abs(sky - level) <= tolerance:
            wrong.append(f"sky of {product}[{channel}] {sky:.5g}, not {level:.5g} +- {tolerance:.2g}")
        if expect.figures and not expect.flux[0] <= flux / expect.unit <= expect.flux[1]:
            wrong.append(f"star flux of {product}[{channel}] {flux / expect.unit:.4f}")
        near = expect.mean_width if expect.mean_width and product == "classical.fits" else expect.width
        if expect.figures and not near[0] <= width <= near[1]:
            wrong.append(f"FWHM of {product}[{channel}] {width:.4f}")
    return wrong


def judge(outcome, expect, clean, places, bits_of):
    """(what is wrong, figures). `clean`: run of the clean night or None; `bits_of`: makes the run of equal bits."""
    wrong = wrong_words(outcome, expect)
    if outcome.code not in expect.codes:
        return [f"exit code {outcome.code}, not {' or '.join(map(str, expect.codes))}", *wrong], []
    if outcome.code != 0 or outcome.run_dir is None:
        return wrong + (expect.check(outcome) if expect.check and outcome.code == 0 else []), []
    wrong += wrong_frames(outcome, expect) + wrong_cards(outcome, expect)
    rows = figures(outcome, clean, places) if clean else []
    wrong += wrong_figures(rows, expect, clean)
    without = expect.without or expect.left_out
    if without and bits_of(without).digests() != outcome.digests():
        wrong.append("its bits are not those of a folder without " + ", ".join(without))
    return wrong + (expect.check(outcome) if expect.check else []), rows
