#pragma once
#include <string>

#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// What a frame was taken for.
enum class FrameKind { kUnknown, kLight, kBias, kDark, kFlat, kFlatDark };
/// "bias", "dark", "flat", "flat dark", "light"; "frame" for kUnknown.
const char* name_of(FrameKind kind);
/// What IMAGETYP and its kin say ("Dark Frame", "FLATDARK", "master bias", "Light"); kUnknown for other
/// texts.
FrameKind kind_named(const std::string& text);
/// What a frame's header says of its kind.
FrameKind kind_of(const FrameFacts& facts);

/// Frames that were given as `kind` but cannot serve the lights (or, for what is subtracted from flats, the
/// flats): of another kind by their header; of another size, binning, colour pattern (`configured`: see
/// stored_cfa) or filter; biases and darks of another gain or offset. Only what both sides state counts.
/// Frames with the same reason are named together: "a.fit, b.fit: reason", one a line, each line indented;
/// empty when all fit.
std::string misfits(FrameKind kind, const Manifest& frames, const Manifest& lights,
                    const std::string& configured);

}  // namespace tilecompile
