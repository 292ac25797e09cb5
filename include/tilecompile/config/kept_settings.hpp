#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace tilecompile {

/// What `--set` gave a run ("key.path=value", in order), as the text of settings.json in its folder.
std::string encode_settings(const std::vector<std::string>& settings);
/// The settings of the run in `directory`; none when its settings.json is not there, which a run of an
/// earlier version has not. Throws InputError when the file is damaged.
std::vector<std::string> kept_settings(const std::filesystem::path& directory);

/// The file's name in a run directory.
inline constexpr const char* kSettingsFile = "settings.json";

}  // namespace tilecompile
