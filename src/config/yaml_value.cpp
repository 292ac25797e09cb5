#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

#include "tilecompile/config/yaml_tree.hpp"

namespace tilecompile {
namespace {

bool is_sign(char c) { return c == '-' || c == '+'; }

/// Whether `text` is a decimal number; leading zeros (octal for some readers) make it text.
bool looks_like_number(const std::string& text) {
  std::size_t i = !text.empty() && is_sign(text[0]) ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - begin;
  };
  const std::size_t start = i;
  const std::size_t whole = digits();
  if (whole > 1 && text[start] == '0') return false;
  std::size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && is_sign(text[i])) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

/// A number of looks_like_number. Independent of the locale; a number no double can hold becomes infinite,
/// which every key refuses.
nlohmann::json parse_number(const std::string& text) {
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, whole); error == std::errc() && stop == end) {
    return whole;
  }
  double real = 0;
  if (std::from_chars(begin, end, real).ec != std::errc()) return std::numeric_limits<double>::infinity();
  return real;
}

nlohmann::json plain_scalar(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
  const std::string bare = !text.empty() && is_sign(text[0]) ? text.substr(1) : text;
  if (bare == ".inf" || bare == ".Inf" || bare == ".INF") {
    const double infinity = std::numeric_limits<double>::infinity();
    return text[0] == '-' ? -infinity : infinity;
  }
  if (looks_like_number(text)) return parse_number(text);
  return text;
}

}  // namespace

nlohmann::json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      return node.quoted ? nlohmann::json(node.text) : plain_scalar(node.text);
    case YamlNode::Kind::kSequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const YamlNode& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      nlohmann::json map = nlohmann::json::object();
      for (const auto& [key, value] : node.members) map[key.text] = to_json(value);
      return map;
    }
  }
  return nullptr;
}

}  // namespace tilecompile
