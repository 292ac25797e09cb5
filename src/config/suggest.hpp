#pragma once
#include <string>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// The key or section of `role` that `unknown` was most likely meant to be, or empty. A key whose last word
/// fits is found in whatever section it stands.
std::string nearest_key(const std::string& unknown, ConfigRole role);
/// "unknown key 'tile.overlap_fracton'; did you mean 'tile.overlap_fraction'?", or where the key belongs, or
/// which keys there are.
std::string unknown_key_text(const std::string& unknown, ConfigRole role);

}  // namespace tilecompile
