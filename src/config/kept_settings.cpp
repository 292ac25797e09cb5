#include "tilecompile/config/kept_settings.hpp"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

using nlohmann::json;

std::string encode_settings(const std::vector<std::string>& settings) {
  return json{{"set", settings}}.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::vector<std::string> kept_settings(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kSettingsFile;
  std::ifstream in(path, std::ios::binary);
  if (!in) return {};
  const json kept = json::parse(std::string{std::istreambuf_iterator<char>(in), {}}, nullptr, false);
  std::vector<std::string> settings;
  const bool is_list = kept.is_object() && kept.contains("set") && kept["set"].is_array();
  if (is_list)
    for (const json& setting : kept["set"])
      if (setting.is_string()) settings.push_back(setting);
  if (!is_list || settings.size() != kept["set"].size())
    throw InputError("reading the --set flags of the run from " + path.string() +
                     ": the file is damaged; remove it and give the flags again");
  return settings;
}

}  // namespace tilecompile
