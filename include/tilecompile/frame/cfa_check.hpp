#pragma once
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Why a colour pattern cannot be that of a raw frame; empty when it can be, or nothing tells. The medians of
/// the two places that it calls green must agree: they must not differ by more than their noise, half a
/// percent of the level, and four times what the other two differ by. (Flats and the sky have different
/// levels in different colours.) Red and blue cannot be told apart.
std::string doubt_of_cfa(const PlaneView<float>& frame, const std::string& cfa);

}  // namespace tilecompile
