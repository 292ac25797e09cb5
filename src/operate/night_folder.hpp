#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/header/calibration_rules.hpp"
#include "tilecompile/header/frame_facts.hpp"

namespace tilecompile {

/// A folder of frames of one kind.
struct FoundFrames {
  std::filesystem::path folder;
  std::size_t count = 0;
  std::string why;  ///< "IMAGETYP 'Dark Frame' of a.fit", "its name"
};

/// What lies in the folder of a night.
struct FoundNight {
  FoundFrames lights;
  FrameFacts light;  ///< the first one's header
  std::string first_light;
  std::optional<FoundFrames> darks, flats, biases, flat_darks;
};

/// Finds lights, darks, flats, biases and flat darks below `folder`, each by what the headers of the first
/// and last frame of a folder say (IMAGETYP and its kin), else by the name of the folder or of one above it.
/// Frames that neither names are lights when there are no others. When there are only lights, folders beside
/// `folder` are looked at too. Throws InputError when there are no lights, or frames of one kind lie in
/// folders that hold other kinds too.
FoundNight find_night(const std::filesystem::path& folder);

/// The kind that a folder's name tells of; kUnknown for other names.
FrameKind kind_of_folder(const std::string& name);

}  // namespace tilecompile
