#pragma once
#include <string>

namespace tilecompile {

/// A text as a CSV field: quoted when it holds a separator, a quote or a line break.
std::string csv_field(const std::string& value);

}  // namespace tilecompile
