#pragma once
#include <vector>

#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/header/frame_facts.hpp"

namespace tilecompile {

/// What a picture made of these frames says of its exposures: STACKCNT, NCOMBINE, EXPTIME, LIVETIME, TOTALEXP
/// as sums over what the frames state, DATE-OBS, DATE-END, DATE-AVG and their MJD, the means of AIRMASS and
/// CCD-TEMP. What some frame does not state is left out, but dates are those of the frames that have one.
std::vector<HeaderCard> observation_cards(const std::vector<FrameFacts>& frames);

/// What a registered frame says of its own exposure.
std::vector<HeaderCard> frame_cards(const FrameFacts& frame);

}  // namespace tilecompile
