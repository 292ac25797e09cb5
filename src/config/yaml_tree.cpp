#include "tilecompile/config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

const char* const kNoAliases =
    "anchors and aliases (&name, *name) are refused; write the value out, and put text that begins with & or "
    "* "
    "in quotes";

// A bracket left open reads to the parser like the begin of a key.
const char* const kPlainKeys =
    "a key must be plain text; if this is a value, a bracket or brace is left open";

/// Builds the tree from the parser's events. The parser recurses once a level and announces each level before
/// it goes down, so throwing here also bounds its stack.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const YamlPosition& position) : position_(position) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "a second document begins here; the file may hold only one");
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse(mark, kNoAliases); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, kNoAliases); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(node_at(mark, YamlNode::Kind::kNull)); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode node = node_at(mark, YamlNode::Kind::kScalar);
    node.quoted = tag == "!";
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    YamlNode node;
    YamlNode key;
    bool has_key = false;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what) const {
    throw UsageError(position_(mark.line + 1, mark.column + 1) + ": " + what);
  }
  // "?" is the parser's word for "no tag, plain", "!" for "no tag, quoted".
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags (!name) are refused; leave it out");
  }
  static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  void open(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    refuse_tag(mark, tag);
    if (levels_.size() >= static_cast<std::size_t>(kMaxYamlDepth)) {
      refuse(mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels");
    }
    if (awaits_key()) refuse(mark, kPlainKeys);
    levels_.push_back({node_at(mark, kind), {}, false});
  }
  void close() {
    YamlNode done = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(done));
  }
  bool awaits_key() const {
    return !levels_.empty() && levels_.back().node.kind == YamlNode::Kind::kMap && !levels_.back().has_key;
  }
  void add(YamlNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kSequence) {
      level.node.items.push_back(std::move(node));
    } else if (level.has_key) {
      level.node.members.push_back({std::move(level.key), std::move(node)});
      level.has_key = false;
    } else {
      if (node.kind != YamlNode::Kind::kScalar) {
        throw UsageError(position_(node.line, node.column) + ": " + kPlainKeys);
      }
      level.key = std::move(node);
      level.has_key = true;
    }
  }

  const YamlPosition& position_;
  std::vector<Level> levels_;
  YamlNode root_;
  int documents_ = 0;
};

/// YAML indents with blanks only, and the parser's own words for a tab there are about something else. A
/// line of blanks and tabs alone, or before a comment, says nothing.
void check_tabs(const std::string& text, const YamlPosition& position) {
  int line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::size_t content = std::min(text.find_first_not_of(" \t\r", begin), end);
    const std::size_t tab = text.find('\t', begin);
    if (tab < content && content < end && text[content] != '#')
      throw UsageError(position(line, static_cast<int>(tab - begin) + 1) +
                       ": a tab stands in front of the text; indent with blanks");
    begin = end + 1;
  }
}

/// The parser takes one control character for the end of the file and would ignore what follows it; broken
/// UTF-8 would surface only when something of it is written out.
void check_characters(const std::string& text, const YamlPosition& position) {
  int line = 1, column = 1;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if ((code < 0x20 && c != '\n' && c != '\r' && c != '\t') || code == 0x7f) {
      throw UsageError(position(line, column) + ": control character (code " + std::to_string(code) +
                       ") is refused; save the file as plain UTF-8 text");
    }
    column = c == '\n' ? 1 : column + 1;
    line += c == '\n' ? 1 : 0;
  }
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw UsageError(position(1, 1) + ": not valid UTF-8; save the file as plain UTF-8 text");
  }
}

}  // namespace

YamlNode parse_yaml(const std::string& text, const YamlPosition& position) {
  check_characters(text, position);
  check_tabs(text, position);
  TreeBuilder builder(position);
  try {
    // The parser takes a quote left open for closed when only blanks follow; a comment makes it notice.
    std::istringstream stream(text + (!text.empty() && text.back() == '\n' ? "#" : "\n#"));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    // An alias without its anchor is most often a glob that wants quotes: `pattern: *.fits`.
    const bool alias = e.msg.rfind("the referenced anchor is not defined", 0) == 0;
    throw UsageError(position(e.mark.line + 1, e.mark.column + 1) + ": " +
                     (alias ? kNoAliases : "YAML syntax: " + e.msg));
  }
  return builder.take();
}

YamlPosition places_in(const std::string& name) {
  return [name](int line, int column) {
    return name + ":" + std::to_string(line) + ":" + std::to_string(column);
  };
}

}  // namespace tilecompile
