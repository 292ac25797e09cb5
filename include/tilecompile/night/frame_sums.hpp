#pragma once
#include <string>
#include <string_view>

#include "tilecompile/night/verified_files.hpp"

namespace tilecompile {

/// The sums of all frames as an object, in the order of the manifest; empty when those of a frame are not
/// known, as of one that was read from a cache.
std::string encode_frame_sums(const Manifest& manifest, const VerifiedFiles& files);
/// The inverse: lets `files` know them. Throws InputError for an object that is not of such frames.
void learn_frame_sums(std::string_view bytes, const Manifest& manifest, VerifiedFiles& files);

}  // namespace tilecompile
