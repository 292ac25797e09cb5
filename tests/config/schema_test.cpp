#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "config/key_table.hpp"
#include "config_files.hpp"
#include "paths.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

// TILECOMPILE_UPDATE_SCHEMA=1 test_config --gtest_filter=Schema.* writes the file anew.
TEST(Schema, ShippedFileIsTheGeneratedOne) {
  const std::string path = source_dir() + "/config/tilecompile.schema.json";
  const std::string generated = run_config_schema().dump(2) + "\n";
  if (std::getenv("TILECOMPILE_UPDATE_SCHEMA") != nullptr) std::ofstream(path, std::ios::binary) << generated;
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream shipped;
  shipped << stream.rdbuf();
  EXPECT_EQ(shipped.str(), generated) << "run this test once with TILECOMPILE_UPDATE_SCHEMA=1";
}

/// The schema's entry of a key.
json entry_of(const json& schema, const std::string& path) {
  json node = schema;
  std::istringstream words(path);
  for (std::string word; std::getline(words, word, '.');) node = node.at("properties").at(word);
  return node;
}

/// The parser's answer to `value` at `path`, given as JSON, which is YAML.
std::string refusal(const std::string& path, const json& value) {
  std::string text = value.dump();
  std::istringstream words(path);
  std::vector<std::string> names;
  for (std::string word; std::getline(words, word, '.');) names.insert(names.begin(), word);
  for (const std::string& name : names) text = "{\"" + name + "\": " + text + "}";
  return run_error(text);
}

bool takes(const Key& key, const json& word) {
  return std::find(key.choices.begin(), key.choices.end(), word) != key.choices.end();
}

/// Values the schema's entry refuses.
std::vector<json> refused_values(const Key& key, const json& entry) {
  std::vector<json> values = {json::object({{"a", 1}}), nullptr, json::array({1})};
  if (key.type == KeyType::kWorkers) {
    const json fields = json::array({{{"id", "a b"}},
                                     {{"address", "x"}},
                                     {{"id", "a"}, {"slots", 1}},
                                     {{"id", "a"}, {"capacity", -1}},
                                     {{"id", "a"}, {"capacity", 4097}}});
    for (const json& worker : fields) values.push_back(json::array({worker}));
  } else {
    values.push_back(json::array());
  }
  const bool takes_true = key.type == KeyType::kBool || (key.type == KeyType::kChoice && takes(key, true)) ||
                          (key.type == KeyType::kFixed && entry.at("const") == true);
  if (!takes_true) values.push_back(true);
  if (key.type == KeyType::kFixed || !takes_true) values.push_back(false);
  if (key.type != KeyType::kText) values.insert(values.end(), {"", "word", "7"});
  if (key.type == KeyType::kText || key.type == KeyType::kBool) values.insert(values.end(), {7, 0.25});
  const json& limits = key.type == KeyType::kAutoInteger ? entry.at("anyOf").at(1)
                       : key.type == KeyType::kClamp     ? entry.at("items")
                                                         : entry;
  if (limits.contains("minimum")) {
    const double low = limits.at("minimum"), high = limits.at("maximum");
    EXPECT_LT(low, high) << key.path;
    if (key.type == KeyType::kClamp) {
      values.insert(values.end(), {{low - 1, high}, {low, high + 1}, {low}, {low, 0, high}, 1});
    } else {
      values.insert(values.end(), {low - 1, high + 1, low - 1e-3, high * 1.001 + 1e-3});
    }
    if (limits.at("type") == "integer") values.push_back(low + 0.5);
  }
  return values;
}

TEST(Schema, EveryKeyIsInItAndItsRefusalsAreTheParsers) {
  const json schema = run_config_schema();
  int keys = 0;
  for (const Key& key : key_table()) {
    if (!key.for_run) continue;
    ++keys;
    const json entry = entry_of(schema, key.path);
    EXPECT_FALSE(entry.at("description").get<std::string>().empty()) << key.path;
    for (const json& value : refused_values(key, entry)) {
      EXPECT_NE(refusal(key.path, value).find("'" + key.path + "' must be "), std::string::npos)
          << key.path << " " << value;
    }
  }
  EXPECT_GT(keys, 70);
}

TEST(Schema, WhatItAllowsTheParserTakes) {
  const json schema = run_config_schema();
  for (const Key& key : key_table()) {
    if (!key.for_run) continue;
    const json entry = entry_of(schema, key.path);
    EXPECT_EQ(refusal(key.path, entry.at("default")), "") << key.path;
    std::vector<json> values;
    if (entry.contains("enum")) values = entry.at("enum").get<std::vector<json>>();
    if (entry.contains("const")) values = {entry.at("const")};
    if (entry.contains("minimum")) values = {entry.at("minimum"), entry.at("maximum")};
    if (key.type == KeyType::kAutoInteger) values = {"auto", entry.at("anyOf").at(1).at("maximum")};
    if (key.type == KeyType::kClamp)
      values = {{entry.at("items").at("minimum"), entry.at("items").at("maximum")}};
    if (key.type == KeyType::kWorkers)
      values = {json::array(), json::array({json::object({{"id", "a"}}), json::object({{"id", "b"}})})};
    for (json value : values) {
      EXPECT_FALSE(check_value(key, value).has_value()) << key.path << " " << value;
    }
  }
}

void expect_closed(const json& node, const std::string& path) {
  if (!node.contains("properties")) return;
  EXPECT_EQ(node.at("additionalProperties"), false) << path;
  EXPECT_EQ(node.at("type"), json::array({"object", "null"})) << path;
  EXPECT_FALSE(node.at("description").get<std::string>().empty()) << path;
  for (const auto& [name, child] : node.at("properties").items()) expect_closed(child, path + "." + name);
}

TEST(Schema, EverySectionIsClosedAndDescribed) { expect_closed(run_config_schema(), ""); }

TEST(Schema, DoesNotKnowTheWorkersKeys) {
  EXPECT_FALSE(run_config_schema().at("properties").contains("worker_id"));
}

}  // namespace
}  // namespace tilecompile
