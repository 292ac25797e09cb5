#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace tilecompile {

/// A configuration that nobody wrote.
struct FolderConfiguration {
  std::string yaml;
  std::vector<std::string> choices;  ///< what was found and chosen, and why, for people
};

/// The recommended way to make a picture of the frames of a folder: raw lights are calibrated with the darks,
/// flats and biases that lie below or beside it, registered and stacked; frames that are registered already
/// are stacked. Paths in it are absolute. Throws what find_night throws.
FolderConfiguration configure_folder(const std::filesystem::path& folder);

}  // namespace tilecompile
