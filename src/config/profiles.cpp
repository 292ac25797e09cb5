#include "profiles.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "settings_reader.hpp"

namespace tilecompile {
namespace {

std::set<std::string> method_sections() {
  std::set<std::string> names;
  for (const Key& key : key_table())
    if (key.reaches_pixel) names.insert(key.path.substr(0, key.path.find('.')));
  return names;
}

// The first section of the method that holds a key; empty when there is none.
std::string named_method_section(const YamlNode& root) {
  const std::set<std::string> sections = method_sections();
  for (const YamlNode::Member& member : root.members)
    if (sections.count(member.key.text) != 0 && !member.value.members.empty()) return member.key.text;
  return "";
}

Profile profile_of(nlohmann::json word) {
  const Key& key = *find_key("profile", ConfigRole::kRun);
  Settings settings;
  if (!check_value(key, word)) key.write(settings, word);
  return settings.run.profile;
}

}  // namespace

ChosenProfile choose_profile(const YamlNode& root, const std::vector<std::string>& overrides) {
  const std::string assigned = "profile=";
  const auto last = std::find_if(overrides.rbegin(), overrides.rend(),
                                 [&](const std::string& o) { return o.rfind(assigned, 0) == 0; });
  if (last != overrides.rend()) {
    const auto place = [](int, int) { return std::string("--set profile"); };
    return {profile_of(to_json(parse_yaml(last->substr(assigned.size()), place))), "named by --set"};
  }
  for (const YamlNode::Member& member : root.members)
    if (member.key.text == "profile")
      return {profile_of(to_json(member.value)), "named by the configuration"};
  const std::string section = named_method_section(root);
  if (section.empty())
    return {Profile::kRecommended, "the configuration names no section of the method and no profile"};
  return {Profile::kV2,
          "the configuration names keys of the method ('" + section +
              "') and no profile; with 'profile: recommended' they change the recommended method"};
}

namespace {

Settings read_profile(Profile profile) {
  const Settings defaults;
  SettingsReader reader(ConfigRole::kRun);
  reader.read_yaml(profile_text(profile), "profile");
  Settings settings = reader.finish();
  settings.run.input.dir = defaults.run.input.dir;
  settings.run.input.stage = defaults.run.input.stage;  // what was done to the frames is no matter of method
  settings.run.registration = defaults.run.registration;
  settings.run.output.dir = defaults.run.output.dir;
  return settings;
}

}  // namespace

Settings profile_settings(Profile profile) {
  static const Settings recommended = read_profile(Profile::kRecommended);
  static const Settings smart_telescope = read_profile(Profile::kSmartTelescope);
  static const Settings fast = read_profile(Profile::kFast);
  switch (profile) {
    case Profile::kRecommended:
      return recommended;
    case Profile::kSmartTelescope:
      return smart_telescope;
    case Profile::kFast:
      return fast;
    case Profile::kV2:
      break;
  }
  return {};
}

}  // namespace tilecompile
