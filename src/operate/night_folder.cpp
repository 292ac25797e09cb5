#include "night_folder.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/night/frame_listing.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// The frames that lie in one folder, not below it.
struct Group {
  fs::path folder;
  std::vector<std::string> names;
  FrameKind kind = FrameKind::kUnknown;
  std::string why;
};

FrameKind kind_in_header(const fs::path& file) {
  try {
    return kind_of(FrameReader(file, ZeroIsNodata::kNever).facts());
  } catch (const InputError&) {
    return FrameKind::kUnknown;  // told of when the frames are read
  }
}

[[noreturn]] void refuse_mixture(const Group& group, FrameKind first, FrameKind last) {
  throw InputError(group.folder.string() + " holds frames of several kinds: " + group.names.front() +
                   " is a " + name_of(first) + ", " + group.names.back() + " a " + name_of(last) +
                   "; sort them into folders such as lights, darks, flats and biases");
}

void classify(Group& group, const fs::path& top) {
  const FrameKind first = kind_in_header(group.folder / group.names.front());
  const FrameKind last = kind_in_header(group.folder / group.names.back());
  if (first != FrameKind::kUnknown && last != FrameKind::kUnknown && first != last)
    refuse_mixture(group, first, last);
  group.kind = first != FrameKind::kUnknown ? first : last;
  if (group.kind != FrameKind::kUnknown) {
    group.why = "by the headers";
    return;
  }
  for (fs::path at = group.folder; group.kind == FrameKind::kUnknown; at = at.parent_path()) {
    group.kind = kind_of_folder(at.filename().string());
    if (group.kind != FrameKind::kUnknown) group.why = "by the name of the folder";
    if (at == top || at == at.parent_path()) break;
  }
}

std::vector<Group> groups_below(const fs::path& top) {
  std::map<fs::path, std::vector<std::string>> by_folder;
  for (const std::string& path : list_frames(FrameOrigin(top), "").paths) {
    const fs::path file = top / path;
    by_folder[file.parent_path()].push_back(file.filename().string());
  }
  std::vector<Group> groups;
  for (const auto& [folder, names] : by_folder) {
    groups.push_back({folder, names, FrameKind::kUnknown, ""});
    classify(groups.back(), top);
  }
  return groups;
}

bool lies_below(const fs::path& path, const fs::path& top) {
  return std::mismatch(top.begin(), top.end(), path.begin(), path.end()).first == top.end();
}

/// The deepest folder that holds all groups of a kind; nothing when there is none. Throws when it holds
/// others too.
std::optional<FoundFrames> folder_of(FrameKind kind, const std::vector<Group>& groups) {
  std::optional<FoundFrames> found;
  for (const Group& group : groups) {
    if (group.kind != kind) continue;
    if (!found) {
      found = FoundFrames{group.folder, 0, group.why};
    }
    while (!lies_below(group.folder, found->folder)) found->folder = found->folder.parent_path();
    found->count += group.names.size();
  }
  if (!found) return found;
  for (const Group& group : groups)
    if (group.kind != kind && lies_below(group.folder, found->folder))
      throw InputError(
          "the " + std::string(name_of(kind)) + " frames lie in several folders below " +
          found->folder.string() + ", where " + group.folder.string() +
          " holds others: bring them below one folder, or write a configuration (config/raw.yaml)");
  return found;
}

std::set<FrameKind> kinds_of(const std::vector<Group>& groups) {
  std::set<FrameKind> kinds;
  for (const Group& group : groups) kinds.insert(group.kind);
  return kinds;
}

/// Folders beside that of the lights whose names tell of calibration frames.
std::vector<Group> groups_beside(const fs::path& lights) {
  std::vector<Group> groups;
  std::error_code error;
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(lights.parent_path(), error))
    if (entry.is_directory(error) && entry.path() != lights) folders.insert(entry.path());
  for (const fs::path& folder : folders) {
    const FrameKind kind = kind_of_folder(folder.filename().string());
    if (kind == FrameKind::kUnknown || kind == FrameKind::kLight) continue;
    try {
      for (Group& group : groups_below(folder)) groups.push_back(std::move(group));
    } catch (const InputError&) {
      continue;  // no frames in it
    }
  }
  return groups;
}

}  // namespace

FrameKind kind_of_folder(const std::string& name) {
  std::string words;
  for (const char c : name)
    words += std::isalpha(static_cast<unsigned char>(c))
                 ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                 : ' ';
  const FrameKind kind = kind_named(words);
  if (kind != FrameKind::kUnknown) return kind;
  for (const char* word : {" subs ", " sub ", " lights "})
    if ((" " + words + " ").find(word) != std::string::npos) return FrameKind::kLight;
  for (const char* word : {" offsets ", " zeros ", " zeroes "})
    if ((" " + words + " ").find(word) != std::string::npos) return FrameKind::kBias;
  return FrameKind::kUnknown;
}

FoundNight find_night(const fs::path& folder) {
  const fs::path top = fs::canonical(folder);
  std::vector<Group> groups = groups_below(top);
  if (kinds_of(groups).count(FrameKind::kLight) == 0)
    for (Group& group : groups)
      if (group.kind == FrameKind::kUnknown) {
        group.kind = FrameKind::kLight;
        group.why = "neither headers nor names say otherwise";
      }
  if (kinds_of(groups).count(FrameKind::kLight) == 0)
    throw InputError("no lights below " + folder.string() + ": all frames are " +
                     name_of(groups.front().kind) +
                     " frames or their kin, by their headers or the names of their folders");
  if (kinds_of(groups) == std::set<FrameKind>{FrameKind::kLight})
    for (Group& group : groups_beside(top)) groups.push_back(std::move(group));
  FoundNight night;
  night.lights = *folder_of(FrameKind::kLight, groups);
  night.darks = folder_of(FrameKind::kDark, groups);
  night.flats = folder_of(FrameKind::kFlat, groups);
  night.biases = folder_of(FrameKind::kBias, groups);
  night.flat_darks = folder_of(FrameKind::kFlatDark, groups);
  const auto first =
      std::find_if(groups.begin(), groups.end(), [](const Group& g) { return g.kind == FrameKind::kLight; });
  night.first_light = first->names.front();
  night.light = FrameReader(first->folder / first->names.front(), ZeroIsNodata::kNever).facts();
  return night;
}

}  // namespace tilecompile
