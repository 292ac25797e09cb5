#pragma once
#include <string>
#include <string_view>

namespace tilecompile {

/// A random UUID (version 4, lower case).
std::string new_uuid();
/// True for 8-4-4-4-12 hex digits in lower case.
bool is_uuid(std::string_view text);

}  // namespace tilecompile
