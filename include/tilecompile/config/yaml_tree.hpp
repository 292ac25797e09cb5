#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace tilecompile {

/// A YAML value with the place it stands at. Values come out of one pass over the parser's events, so
/// aliases, deep nesting and odd keys are refused before anything is built from them.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Member;
  Kind kind = Kind::kNull;
  int line = 1, column = 1;  ///< 1-based
  bool quoted = false;       ///< scalar in quotes or a block scalar: always text
  std::string text;          ///< of a scalar
  std::vector<YamlNode> items;
  std::vector<Member> members;  ///< in file order; a key may stand twice
};
/// One `key: value` of a map.
struct YamlNode::Member {
  YamlNode key;  ///< always a scalar
  YamlNode value;
};

/// Makes the text in front of a message from a 1-based line and column, for example "run.yaml:3:7".
using YamlPosition = std::function<std::string(int line, int column)>;

/// "NAME:line:column", for the file of this name.
YamlPosition places_in(const std::string& name);

/// Deepest nesting accepted; the configuration itself needs 4.
inline constexpr int kMaxYamlDepth = 32;

/// Parses one YAML document; an empty text is a null node. Throws UsageError "POSITION: what" for a syntax
/// error, an anchor, an alias, a tag, a key that is not plain text, a second document, nesting beyond
/// kMaxYamlDepth, control characters and text that is not UTF-8.
YamlNode parse_yaml(const std::string& text, const YamlPosition& position);

/// The value as JSON by the YAML 1.2 core rules without octal and hexadecimal numbers: true/false, decimal
/// numbers, .nan/.inf (kept as such), everything else text.
nlohmann::json to_json(const YamlNode& node);

}  // namespace tilecompile
