#pragma once
#include <string>
#include <string_view>

namespace tilecompile {

/// `bytes` in base64 with padding (RFC 4648), without line breaks.
std::string base64(std::string_view bytes);

}  // namespace tilecompile
