#pragma once
#include <string>
#include <vector>

#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/header/frame_params.hpp"
#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// True for what capture programs write into IMAGETYP, FRAME, OBSTYPE of a frame that is no light: dark, bias
/// (zero, offset), flat, or a kin of these ("Dark Frame", "FLATDARK", "master bias"). Words of a light that
/// was corrected ("dark subtracted") are no such ones.
bool names_a_calibration_frame(const std::string& text);

/// The letters of a colour pattern ("RGGB") in capitals; empty for texts that say that there is none.
std::string bayer_letters(const std::string& text);

/// What a card of the header says of a product that this program wrote: the picture of a run, one of its maps
/// or tiles. Every text is empty where the card is absent.
struct ProductCards {
  std::string program, run_id, config_hash, manifest_id, tile_id, frames_id, extension;
  bool doubles = false;  ///< the samples are double
};
/// "a picture that tilecompile wrote (run 0a1b...)", "tile 17 that tilecompile wrote (run 0a1b...)", "tile
/// metrics that tilecompile wrote"; empty for anything else.
std::string product_by_cards(const ProductCards& cards);

/// True for keys that hold of one exposure only, or of the sensor's colour pattern: times, sums of exposures,
/// airmass and pointing above the horizon, temperatures and weather, focus and star sizes, names and numbers
/// of the file, statistics of its pixels, BAYERPAT and its kin.
bool is_of_one_exposure(const std::string& key);

/// Frames whose headers say that they cannot be lights of this night: darks and their kin, and stacks among
/// single frames.
std::vector<BadFrame> frames_of_another_kind(const Manifest& manifest);

/// Frames that are planes of a colour sensor, not yet debayered, among others that are not. Throws InputError
/// when half of the frames or more are: they would make a grey picture with a checkerboard in it.
/// `data.color_mode: MONO` allows them.
std::vector<BadFrame> raw_colour_frames(const Manifest& manifest, const DataParams& data);

/// What the headers say that is odd but can be right, one text a kind, each with the names of the frames:
/// mixed settings, centres further apart than the field, dates and exposures that are not stated or cannot be
/// read.
std::vector<std::string> header_warnings(const Manifest& manifest);

/// "a.fit, b.fit and 5 more".
std::string some_names(const std::vector<std::string>& names);

}  // namespace tilecompile
