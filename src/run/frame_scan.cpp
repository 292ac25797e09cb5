#include "tilecompile/run/frame_scan.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/run/parallel.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

bool ends_with_any(std::string name, std::initializer_list<const char*> endings) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(endings.begin(), endings.end(), [&](const std::string& e) { return name.ends_with(e); });
}

bool is_frame_name(const std::string& name, const std::string& pattern) {
  if (name.front() == '.') return false;
  if (!pattern.empty()) return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  return ends_with_any(
      name, {".fit", ".fits", ".fts", ".fit.fz", ".fits.fz", ".fts.fz", ".fit.gz", ".fits.gz", ".fts.gz"});
}

// The text with every byte that is not UTF-8 replaced.
std::string printable(const std::string& text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

ManifestEntry describe_frame(const FrameOrigin& origin, const std::string& path, VerifiedFiles& verified) {
  if (printable(path) != path)  // the manifest is JSON, which cannot hold such a name
    throw InputError("its name is not UTF-8: rename the file");
  ManifestEntry entry;
  entry.path = path;
  // Where a frame is read in place, a damaged one is found before it is hashed.
  if (!origin.cache) entry.facts = FrameReader(origin.folder / path, true).facts();
  const auto [file, sha256] = fetch_new_frame(origin, path, verified);
  entry.sha256 = sha256;
  entry.size_bytes = fs::file_size(file.path);
  if (!origin.cache) return entry;
  try {
    entry.facts = FrameReader(file.path, true).facts();
  } catch (const InputError& e) {
    throw InputError(origin.name_of(path) + ": " + e.what());  // the name of the copy tells nothing
  }
  return entry;
}

// Products of an earlier run that lies below the input folder are no frames.
bool is_run_directory(const fs::path& folder) {
  std::error_code error;
  return is_uuid(folder.filename().string()) && fs::exists(folder / "journal.jsonl", error);
}

std::vector<std::string> paths_in_bucket(const FrameOrigin& origin, const std::string& pattern) {
  std::vector<std::string> paths;
  for (const S3Object& object : origin.bucket->list(origin.prefix + "/")) {
    const std::string path = object.key.substr(origin.prefix.size() + 1);
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.empty() || !is_frame_name(name, pattern)) continue;
    check_object_key(path);
    paths.push_back(path);
  }
  return paths;
}

std::vector<std::string> paths_in_folder(const fs::path& dir, const std::string& pattern) {
  std::error_code error;
  if (dir.empty()) throw UsageError("input.dir is not set: name the folder that holds the registered frames");
  if (!fs::is_directory(dir, error))
    throw InputError("input.dir " + dir.string() + " is not a folder: correct the key, or mount the folder");
  std::vector<std::string> paths;
  fs::recursive_directory_iterator item(dir, fs::directory_options::skip_permission_denied, error);
  for (; !error && item != fs::recursive_directory_iterator(); item.increment(error)) {
    std::error_code unreadable;
    const fs::file_status status = item->status(unreadable);
    if (fs::is_directory(status)) {
      if (is_run_directory(item->path())) item.disable_recursion_pending();
      continue;
    }
    // A link that leads nowhere is kept: dropping a frame in silence is worse than the error it gives.
    const bool candidate = fs::is_regular_file(status) || item->is_symlink(unreadable);
    if (!candidate || !is_frame_name(item->path().filename().string(), pattern)) continue;
    paths.push_back(item->path().lexically_relative(dir).generic_string());
  }
  if (error)
    throw TransientError("listing the frames in " + dir.string() + " failed: " + error.message() +
                         "; check the folder or its mount");
  return paths;
}

// The list of bad frames names them already.
std::string reason_without_name(const std::string& text, const FrameOrigin& origin, const std::string& path) {
  const std::string name = "frame " + (origin.folder / path).string() + ": ";
  return text.starts_with(name) ? text.substr(name.size()) : text;
}

}  // namespace

std::vector<std::string> list_frames(const FrameOrigin& origin, const std::string& pattern) {
  std::vector<std::string> paths =
      origin.bucket ? paths_in_bucket(origin, pattern) : paths_in_folder(origin.folder, pattern);
  if (paths.empty())
    throw InputError("no frames in " + origin.describe() +
                     (pattern.empty() ? ": expected names ending in .fit, .fits or .fts (also .fz, .gz)"
                                      : ": no name matches input.pattern '" + pattern + "'"));
  std::sort(paths.begin(), paths.end(), natural_less);
  return paths;
}

ScannedFrames scan_frames(const FrameOrigin& origin, const std::vector<std::string>& paths, int threads,
                          const DataParams& data, VerifiedFiles& verified,
                          const std::function<void(int)>& progress) {
  std::vector<ManifestEntry> entries(paths.size());
  std::vector<std::string> problems(paths.size());
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(paths.size()), threads, [&](int i) {
    const auto index = static_cast<std::size_t>(i);
    try {
      entries[index] = describe_frame(origin, paths[index], verified);
    } catch (const InputError& e) {
      problems[index] = reason_without_name(e.what(), origin, paths[index]);
    }
    progress(++done);
  });
  ScannedFrames found;
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (problems[i].empty())
      found.manifest.frames.push_back(std::move(entries[i]));
    else
      found.bad.push_back({printable(paths[i]), printable(problems[i])});
  for (auto odd = odd_frames(found.manifest, data); !odd.empty(); odd = odd_frames(found.manifest, data)) {
    found.manifest = without(found.manifest, odd);
    found.bad.insert(found.bad.end(), odd.begin(), odd.end());
  }
  return found;
}

void refuse_frames(const std::vector<BadFrame>& bad, std::size_t all) {
  throw InputError(std::to_string(bad.size()) + " of " + std::to_string(all) +
                   " frames cannot be used:" + listed(bad) +
                   "\nrepair them or take them out of the input folder; with input.on_bad_frame: quarantine "
                   "the run goes on without them");
}

void check_bad_share(const std::vector<BadFrame>& bad, std::size_t all, double share) {
  if (static_cast<double>(bad.size()) <= share * static_cast<double>(all)) return;
  char limit[32];
  std::snprintf(limit, sizeof limit, "%g", share);
  throw InputError(
      std::to_string(bad.size()) + " of " + std::to_string(all) +
      " frames cannot be used, more than the share that input.max_bad_share = " + limit +
      " lets a run leave out:" + listed(bad) +
      "\nlook for the cause that they have in common; raise input.max_bad_share if they shall be "
      "left out all the same");
}

}  // namespace tilecompile
