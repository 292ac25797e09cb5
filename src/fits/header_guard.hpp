#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {

/// Copies up to `size` bytes of a file from `offset` on to `out`; returns how many there were.
using ReadAt = std::function<std::size_t(char* out, std::size_t size, std::int64_t offset)>;

/// Looks at the header that begins at `offset` before cfitsio parses it, for numbers that overrun the
/// library's fixed arrays (NAXIS = 999 crashes cfitsio 4.2). Returns what is wrong, empty when nothing is.
std::string unsafe_header(const ReadAt& read_at, std::int64_t offset);

}  // namespace tilecompile
