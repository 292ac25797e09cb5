"""Frames and tile files as bytes of FITS [docs/tile.md]."""
import numpy as np

BLOCK = 2880


# Frames: one plain image in the primary HDU

def read_frame(data, zero_is_nodata):
    """float32 planes [channel][row][column], NaN where a sample is missing."""
    cards, end = {}, 0
    while True:
        card = data[end:end + 80].decode("ascii")
        end += 80
        if card.startswith("END"):
            break
        if card[8:10] == "= ":
            cards[card[:8].strip()] = card[10:].split("/")[0].strip()
    start = -(-end // BLOCK) * BLOCK
    width, height, bitpix = int(cards["NAXIS1"]), int(cards["NAXIS2"]), int(cards["BITPIX"])
    channels = int(cards.get("NAXIS3", 1)) if int(cards["NAXIS"]) > 2 else 1
    kind = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[bitpix]
    codes = np.frombuffer(data, kind, width * height * channels, start).reshape(channels, height, width)
    with np.errstate(over="ignore", invalid="ignore"):
        physical = codes.astype(np.float64) * float(cards.get("BSCALE", 1)) + float(cards.get("BZERO", 0))
        samples = physical.astype(np.float32)
    missing = ~np.isfinite(samples)
    if bitpix > 0 and "BLANK" in cards:
        missing |= codes == int(cards["BLANK"])
    if zero_is_nodata:
        missing |= physical == 0
    return np.where(missing, np.float32(np.nan), samples)


# Tile files

def card(key, value, comment=""):
    if isinstance(value, str):
        text = "'" + value.ljust(8) + "'"
        text = text.ljust(20) if comment else text
    else:
        text = ("T" if value is True else str(value)).rjust(20)
    return f"{key:8}= {text}" + (f" / {comment}" if comment else "")


def sum32(data):
    """The checksum of the FITS standard: sum of the 32-bit words in ones' complement."""
    total = int(np.frombuffer(data, ">u4").astype(np.uint64).sum())
    while total >> 32:
        total = (total & 0xffffffff) + (total >> 32)
    return total


def encoded(checksum):
    """The 16 letters of CHECKSUM for the complement of `checksum` [FITS standard, appendix J]."""
    value, letters = 0xffffffff - checksum, [""] * 16
    excluded = set(range(0x3a, 0x41)) | set(range(0x5b, 0x61))
    for i, byte in enumerate(value.to_bytes(4, "big")):
        four = [byte // 4 + 0x30] * 4
        four[0] += byte % 4
        while any(c in excluded for c in four):
            for k in (0, 2):
                if four[k] in excluded or four[k + 1] in excluded:
                    four[k] += 1
                    four[k + 1] -= 1
        for k in range(4):
            letters[4 * k + i] = chr(four[k])
    return "".join(letters[-1:] + letters[:-1])


def hdu(cards, data):
    """Header and data unit with their checksums."""
    data += b"\0" * (-len(data) % BLOCK)
    datasum = sum32(data)

    def header(checksum):
        # cfitsio writes a sum of 0 into ten places.
        both = [card("CHECKSUM", checksum, "checksum of the HDU"),
                card("DATASUM", str(datasum) if datasum else "0".rjust(10), "checksum of the data unit")]
        text = "".join(c.ljust(80) for c in cards + both + ["END"])
        return (text + " " * (-len(text) % BLOCK)).encode("ascii")

    return header(encoded(sum32(header("0" * 16) + data))) + data


def structure(bitpix, axes, extension):
    first = [card("XTENSION", "IMAGE", "IMAGE extension")] if extension else [
        card("SIMPLE", True, "file does conform to FITS standard")]
    cards = first + [card("BITPIX", bitpix, "number of bits per data pixel"),
                     card("NAXIS", len(axes), "number of data axes")]
    cards += [card(f"NAXIS{i + 1}", n, f"length of data axis {i + 1}") for i, n in enumerate(axes)]
    if extension:
        return cards + [card("PCOUNT", 0, "required keyword; must = 0"), card("GCOUNT", 1, "required keyword; must = 1"),
                        card("EXTNAME", extension)]
    return cards + [
        card("EXTEND", True, "FITS dataset may contain extensions"),
        "COMMENT   FITS (Flexible Image Transport System) format is defined in 'Astronomy",
        "COMMENT   and Astrophysics', volume 376, page 359; bibcode: 2001A&A...376..359H"]


def planes_of(images, kind):
    stack = np.array(images)
    if stack.dtype.kind == "f":
        stack = np.where(np.isnan(stack), np.nan, stack)  # one form of NaN
    axes = [stack.shape[2], stack.shape[1]] + ([len(stack)] if len(stack) > 1 else [])
    return axes, stack.astype(kind).tobytes()


MAPS = (("COV", "coverage", "frames at every pixel"), ("WGT", "weight", "sum of weights at every pixel"),
        ("VAR", "variance", "variance of every pixel"), ("NEFF", "n_eff", "effective frames at every pixel"))


def map_parts(channels):
    """Cards of the planes that are one value, and the other planes."""
    cards, planes = [], []
    for key, name, comment in MAPS:
        for number, channel in enumerate(channels, 1):
            plane = np.array(getattr(channel, name), dtype=np.float32)
            value = plane.flat[0]
            if np.isfinite(value) and (plane.view(np.uint32) == plane.view(np.uint32).flat[0]).all():
                cards.append(f"{key + str(number):8}= {'%.9G' % value:>20} / {comment}")
            else:
                planes.append(plane)
    return cards, planes


def tile_file(task, tile_id, box, channels, frame_tables=True):
    """The bytes of a tile of the first round."""
    axes, pixels = planes_of([c.pixels for c in channels], ">f4")
    map_cards, planes = map_parts(channels)
    frames = len(channels[0].quality) if frame_tables else 0
    cards = structure(-32, axes, "")
    cards += [card("TILEID", tile_id, "number of the tile"), card("TILEX0", box[0], "first column in the image, from 0"),
              card("TILEY0", box[1], "first row in the image, from 0"), card("RUNID", task["run_id"], "run"),
              card("CFGHASH", task["config_hash"]), card("FRAMESID", task["frames_manifest_id"]),
              card("NMAPS", len(planes), "planes in MAPS"), card("NFRAMES", frames, "frames in FRAMES")]
    parts = [hdu(cards + map_cards, pixels)]
    if planes:
        _, data = planes_of(planes, ">f4")
        parts.append(hdu(structure(-32, [box[2], box[3], len(planes)], "MAPS"), data))
    if frames:
        tables = np.array([[c.quality for c in channels], [c.frame_weight for c in channels]], dtype=">f8")
        parts.append(hdu(structure(-64, list(tables.shape[::-1]), "FRAMES"), tables.tobytes()))
    return b"".join(parts)
