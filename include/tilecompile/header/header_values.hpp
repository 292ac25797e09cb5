#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tilecompile {

/// A value of a header without quotes and the blanks around it.
std::string header_text(std::string_view raw);

/// The number that a header states, however its program wrote it: in quotes, with a decimal comma, with D or
/// E exponents, with a plus sign. Nothing for anything else: words, a comma beside a point, infinities.
std::optional<double> header_number(std::string_view raw);

/// A duration in seconds: a number as above, alone or with its unit behind (s, sec, seconds, ms, us, min, m,
/// h and their kin in any case). Nothing for other units and for negative numbers.
std::optional<double> header_seconds(std::string_view raw);

}  // namespace tilecompile
