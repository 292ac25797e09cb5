#pragma once
#include <string>
#include <string_view>

#include "tilecompile/coadd/tile_diagnostics.hpp"

namespace tilecompile {

/// Largest diagnostics message, bytes; three channels of a million frames stay below it.
inline constexpr std::size_t kMostDiagnosticsBytes = 16 << 10;

/// UTF-8 JSON, one line, at most kMostDiagnosticsBytes for tiles of up to three channels.
std::string encode_diagnostics(const TileDiagnostics& diagnostics);
/// Strict inverse; throws InputError that says which field is wrong, and for more than kMostDiagnosticsBytes.
TileDiagnostics decode_diagnostics(std::string_view bytes);

}  // namespace tilecompile
