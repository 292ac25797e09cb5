#include "tilecompile/night/frame_listing.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/camera/tiff_frame.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/manifest.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

// Frames and files in skipped folders: a NAS keeps years of snapshots.
constexpr int kMostCounted = 10000, kMostSeen = 200000;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool matches(const std::string& name, const std::string& pattern) {
  if (!pattern.empty()) return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  return names_a_frame(name);
}

bool is_hidden(const std::string& name) { return name.front() == '.'; }

// Products of an earlier run that lies below the input folder, or its objects, are no frames; nor are the
// masters that runs share.
bool is_run_directory(const fs::path& folder) {
  std::error_code error;
  if (folder.filename() == "masters" && fs::is_directory(folder / "of", error)) return true;
  if (fs::is_symlink(folder / "work", error) &&
      is_uuid(fs::read_symlink(folder / "work", error).filename().string()))
    return true;  // the folder of a run's name
  if (!is_uuid(folder.filename().string())) return false;
  return fs::exists(folder / "journal.jsonl", error) || fs::exists(folder / "manifest.json", error);
}

std::string frames_text(int count) {
  if (count >= kMostCounted)
    return "more than " + std::to_string(kMostCounted) + " files with names of frames";
  return std::to_string(count) +
         (count == 1 ? " file with the name of a frame" : " files with names of frames");
}

/// What is said of the folders and files that are no input, a line a kind.
class Notes {
 public:
  void skipped(const std::string& folder, int frames) { add("skipped", folder, frames); }
  void hidden(const std::string& file) { add("hidden", file, 1); }
  void linked(const std::string& link, int frames) { add("linked", link, frames); }
  void unreadable(const std::string& folder) { add("unreadable", folder, 1); }
  void nowhere(const std::string& link) { add("nowhere", link, 1); }
  void special(const std::string& file) { add("special", file, 1); }
  void xisf(const std::string& file) { add("xisf", file, 1); }

  void picture(const std::string& file) { add("picture", file, 1); }

  std::vector<std::string> texts() const {
    std::vector<std::string> lines;
    const auto say = [&](const char* kind, const std::string& text) {
      const auto found = entries_.find(kind);
      if (found == entries_.end()) return;
      std::string names;
      const auto& all = found->second.names;
      for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 5); ++i)
        names += (i ? ", " : "") + all[i];
      if (all.size() > 5) names += " and " + std::to_string(all.size() - 5) + " more";
      lines.push_back(text + ": " + names);
    };
    say("skipped", frames_text(count("skipped")) + " in hidden, trash or system folders, left out");
    say("hidden", frames_text(count("hidden")) + ", but hidden, left out");
    say("linked", "linked folders are not followed, " + frames_text(count("linked")) +
                      " there; move the folder itself here, or name it as input.dir");
    say("unreadable", "folders that this user may not read, so their frames are not used");
    say("nowhere", "links that lead nowhere");
    say("special", "named like frames, but no regular files");
    say("xisf",
        "XISF files, which this program does not read; convert them to FITS (in PixInsight by "
        "BatchFormatConversion, "
        "in Siril by convert)");
    say("picture",
        "TIFF files beside other frames are taken for pictures of them and left out; set input.pattern if "
        "they "
        "are the frames");
    return lines;
  }

 private:
  struct Entry {
    std::vector<std::string> names;
    int frames = 0;
  };
  void add(const char* kind, const std::string& name, int frames) {
    if (frames == 0) return;
    Entry& entry = entries_[kind];
    entry.names.push_back(printable(name));
    entry.frames = std::min(kMostCounted, entry.frames + frames);
  }
  int count(const char* kind) const {
    const auto found = entries_.find(kind);
    return found == entries_.end() ? 0 : found->second.frames;
  }
  std::map<std::string, Entry> entries_;
};

/// One walk through the input folder.
class FolderWalk {
 public:
  FolderWalk(const fs::path& top, const std::string& pattern) : top_(top), pattern_(pattern) {}

  FrameListing run() {
    walk(top_);
    return {std::move(paths_), notes_.texts()};
  }

 private:
  std::string relative(const fs::path& path) const { return path.lexically_relative(top_).generic_string(); }

  void walk(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator item(folder, error);
    if (error == std::errc::permission_denied && folder != top_) return notes_.unreadable(relative(folder));
    std::vector<fs::directory_entry> entries;
    for (; !error && item != fs::directory_iterator(); item.increment(error)) entries.push_back(*item);
    if (error)
      throw TransientError("listing the frames in " + folder.string() + " failed: " + error.message() +
                           "; check the folder or its mount");
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) look_at(entry);
  }

  void look_at(const fs::directory_entry& entry) {
    std::error_code error;
    const fs::path& path = entry.path();
    const std::string name = path.filename().string();
    const bool is_link = entry.is_symlink(error), is_folder = entry.is_directory(error);
    if (is_folder && is_folder_of_the_system(name)) return notes_.skipped(relative(path), frames_below(path));
    if (is_folder && is_link) return notes_.linked(relative(path), frames_below(path));
    if (is_folder) {
      if (!is_run_directory(path)) walk(path);
      return;
    }
    const bool dangling = is_link && !entry.exists(error);
    if (lower(path.extension().string()) == ".xisf") return notes_.xisf(relative(path));
    if (!matches(name, pattern_)) {
      // What has an extension is some other file; a link without may have been a folder of frames.
      if (dangling && !path.has_extension()) notes_.nowhere(relative(path));
      return;
    }
    if (is_hidden(name)) return notes_.hidden(relative(path));
    if (!entry.is_regular_file(error) && !is_link) return notes_.special(relative(path));
    paths_.push_back(relative(path));
  }

  /// Files with names of frames below a folder that is not used; links in it are not followed.
  int frames_below(const fs::path& folder) const {
    int count = 0, seen = 0;
    std::error_code error;
    fs::recursive_directory_iterator item(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && item != fs::recursive_directory_iterator(); item.increment(error)) {
      if (count == kMostCounted || ++seen == kMostSeen) break;
      std::error_code unreadable;
      if (item->is_directory(unreadable)) continue;
      count += matches(item->path().filename().string(), pattern_) ? 1 : 0;
    }
    return count;
  }

  const fs::path top_;
  const std::string& pattern_;
  std::vector<std::string> paths_;
  Notes notes_;
};

FrameListing list_folder(const fs::path& folder, const std::string& pattern) {
  std::error_code error;
  if (folder.empty())
    throw UsageError("input.dir is not set: name the folder that holds the registered frames");
  if (!fs::is_directory(folder, error))
    throw InputError("input.dir " + folder.string() +
                     " is not a folder: correct the key, or mount the folder");
  return FolderWalk(folder, pattern).run();
}

/// Capture programs write frames as TIFF, and others pictures of frames: whoever has better frames has
/// pictures.
void leave_out_pictures(FrameListing& listing) {
  if (std::all_of(listing.paths.begin(), listing.paths.end(), [](const auto& path) { return is_tiff(path); }))
    return;
  Notes notes;
  std::erase_if(listing.paths, [&](const std::string& path) {
    if (is_tiff(path)) notes.picture(path);
    return is_tiff(path);
  });
  for (const std::string& text : notes.texts()) listing.notes.push_back(text);
}

/// The first part of an object's path that is a folder of the system; empty for none.
std::string system_folder_in(const std::string& path) {
  for (std::size_t begin = 0, end; (end = path.find('/', begin)) != std::string::npos; begin = end + 1)
    if (end > begin && is_folder_of_the_system(std::string_view(path).substr(begin, end - begin)))
      return path.substr(0, end);
  return "";
}

FrameListing list_bucket(const FrameOrigin& origin, const std::string& pattern) {
  FrameListing listing;
  Notes notes;
  std::map<std::string, int> skipped;
  for (const S3Object& object : origin.bucket->list(origin.prefix + "/")) {
    const std::string path = object.key.substr(origin.prefix.size() + 1);
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.empty() || !matches(name, pattern)) continue;
    if (const std::string folder = system_folder_in(path); !folder.empty()) {
      ++skipped[folder];
    } else if (is_hidden(name)) {
      notes.hidden(path);
    } else {
      check_object_key(path);
      listing.paths.push_back(path);
    }
  }
  for (const auto& [folder, frames] : skipped) notes.skipped(folder, frames);
  listing.notes = notes.texts();
  return listing;
}

}  // namespace

bool is_folder_of_the_system(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "$recycle.bin", "recycler",  "recycled",  "@eadir",   "@recycle",   "@recently-snapshot",
      "#recycle",     "#snapshot", "~snapshot", "__macosx", "lost+found", "system volume information"};
  if (name.front() == '.') return true;
  return std::find(kNames.begin(), kNames.end(), lower(name)) != kNames.end();
}

std::string printable(const std::string& text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

FrameListing list_frames(const FrameOrigin& origin, const std::string& pattern) {
  FrameListing listing = origin.bucket ? list_bucket(origin, pattern) : list_folder(origin.folder, pattern);
  if (pattern.empty()) leave_out_pictures(listing);
  if (listing.paths.empty()) {
    std::string also;
    for (const std::string& note : listing.notes) also += "\n  " + note;
    throw InputError("no frames in " + origin.describe() +
                     (pattern.empty() ? ": expected names ending in .fit, .fits or .fts (also .fz, .gz), raw "
                                        "files of cameras, or 16-bit TIFF"
                                      : ": no name matches input.pattern '" + pattern + "'") +
                     also);
  }
  std::sort(listing.paths.begin(), listing.paths.end(), natural_less);
  return listing;
}

}  // namespace tilecompile
