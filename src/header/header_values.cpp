#include "tilecompile/header/header_values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace tilecompile {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

constexpr double kMostSeconds = 1e9;  // thirty years: more is no exposure, and no date could be made of it

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

/// The number that `text` begins with, and what follows it.
std::optional<std::pair<double, std::string>> leading_number(std::string_view raw) {
  std::string text = header_text(raw);
  const bool plus = !text.empty() && text.front() == '+';
  if (plus) text.erase(0, 1);
  if (text.empty() || text.front() == '+' || (plus && text.front() == '-')) return std::nullopt;
  // "60,0": a comma between digits, where no point tells that it parts thousands.
  const std::size_t comma = text.find(',');
  if (comma != std::string::npos && text.find('.') == std::string::npos && comma > 0 &&
      is_ascii_digit(text[comma - 1]) && text.find(',', comma + 1) == std::string::npos)
    text[comma] = '.';
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {  // Fortran's exponent
    const bool between = (is_ascii_digit(text[i - 1]) || text[i - 1] == '.') &&
                         (is_ascii_digit(text[i + 1]) || text[i + 1] == '+' || text[i + 1] == '-');
    if ((text[i] == 'D' || text[i] == 'd') && between) text[i] = 'E';
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return std::pair{value, std::string(trimmed(std::string_view(end, text.data() + text.size())))};
}

}  // namespace

std::string header_text(std::string_view raw) {
  raw = trimmed(raw);
  for (const char quote : {'\'', '"'})
    if (raw.size() >= 2 && raw.front() == quote && raw.back() == quote)
      raw = trimmed(raw.substr(1, raw.size() - 2));
  return std::string(raw);
}

std::optional<double> header_number(std::string_view raw) {
  const auto number = leading_number(raw);
  if (!number || !number->second.empty()) return std::nullopt;
  return number->first;
}

std::optional<double> header_seconds(std::string_view raw) {
  static constexpr std::array<std::pair<std::string_view, double>, 18> kUnits = {{{"", 1},
                                                                                  {"s", 1},
                                                                                  {"sec", 1},
                                                                                  {"secs", 1},
                                                                                  {"second", 1},
                                                                                  {"seconds", 1},
                                                                                  {"ms", 1e-3},
                                                                                  {"msec", 1e-3},
                                                                                  {"milliseconds", 1e-3},
                                                                                  {"us", 1e-6},
                                                                                  {"usec", 1e-6},
                                                                                  {"m", 60},
                                                                                  {"min", 60},
                                                                                  {"mins", 60},
                                                                                  {"minute", 60},
                                                                                  {"minutes", 60},
                                                                                  {"h", 3600},
                                                                                  {"hours", 3600}}};
  auto number = leading_number(raw);
  if (!number || number->first < 0) return std::nullopt;
  std::string unit = number->second;
  for (const char bracket : {'[', ']', '(', ')', '.'}) std::erase(unit, bracket);
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const auto& [name, seconds] : kUnits)
    if (unit == name && number->first * seconds <= kMostSeconds) return number->first * seconds;
  return std::nullopt;
}

}  // namespace tilecompile
