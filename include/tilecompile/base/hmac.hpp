#pragma once
#include <string>
#include <string_view>

namespace tilecompile {

/// Lower-case hex HMAC-SHA256 (RFC 2104) of `bytes` under `key`.
std::string hmac_sha256_hex(std::string_view key, std::string_view bytes);
/// Compares without telling by its time where two texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace tilecompile
