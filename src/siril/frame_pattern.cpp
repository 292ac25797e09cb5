#include "tilecompile/siril/frame_pattern.hpp"

#include <cstdio>
#include <regex>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

FramePattern::FramePattern(const std::string& pattern) {
  static const std::regex kShape(R"(([^{}]*)\{index(?::0([1-9])d)?\}([^{}]*))");
  static const std::regex kFitsName(R"(.*\.(fit|fits|fts))");
  std::smatch parts;
  if (!std::regex_match(pattern, parts, kShape))
    throw UsageError("registration.registered_filename_pattern '" + pattern +
                     "' must hold the frame's number once, as {index} or {index:05d}, and no other braces");
  if (!std::regex_match(pattern, kFitsName))
    throw UsageError("registration.registered_filename_pattern '" + pattern +
                     "' must end in .fit, .fits or .fts");
  before_ = parts[1];
  digits_ = parts[2].matched ? std::stoi(parts[2]) : 1;
  after_ = parts[3];
}

std::string FramePattern::name(int index) const {
  char number[24];
  std::snprintf(number, sizeof number, "%0*d", digits_, index);
  return before_ + number + after_;
}

}  // namespace tilecompile
