#pragma once
#include <string>
#include <vector>

#include "key_table.hpp"
#include "tilecompile/config/yaml_tree.hpp"

namespace tilecompile {

/// Which profile a configuration stands on, and for people why.
struct ChosenProfile {
  Profile profile = Profile::kV2;
  std::string why;
};

/// The profile that `root`, the file, or the last `profile=NAME` of the overrides names. Without a name:
/// recommended when the file names no key in a section of the method (those of config_hash), else v2.
/// A value that is no profile counts as v2 here; the reader refuses it.
ChosenProfile choose_profile(const YamlNode& root, const std::vector<std::string>& overrides);

/// What a configuration on this profile begins with: the values of the file in config/ that bears the
/// profile, but for input.dir and output.dir; the defaults for v2.
Settings profile_settings(Profile profile);

/// Text of that file; empty for v2.
const char* profile_text(Profile profile);

}  // namespace tilecompile
