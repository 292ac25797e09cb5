#pragma once
#include <string>

namespace tilecompile {

/// A text as a CSV field on one line: control characters escaped, quoted when it holds a separator or a
/// quote.
std::string csv_field(const std::string& value);

}  // namespace tilecompile
