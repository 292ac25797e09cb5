#include "tilecompile/night/frame_scan.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>

#include "frame_twins.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/night/frame_listing.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// A file, and where it is not hashed yet, what files of equal content have in common.
struct Described {
  ManifestEntry entry;
  std::string likeness{};
};

// A piece from the middle, where noise makes those of other frames differ.
std::string likeness_of(const fs::path& file, std::uint64_t size_bytes) {
  std::string piece(std::min<std::uint64_t>(size_bytes, 4096), '\0');
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>((size_bytes - piece.size()) / 2));
  in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
  return std::to_string(size_bytes) + " " + sha256_hex(piece);
}

Described describe_frame(const FrameOrigin& origin, const std::string& path, bool hash_later,
                         VerifiedFiles& verified) {
  if (printable(path) != path)  // the manifest is JSON, which cannot hold such a name
    throw InputError("its name is not UTF-8: rename the file");
  ManifestEntry entry;
  entry.path = path;
  // Where a frame is read in place, a damaged one is found before it is hashed.
  if (!origin.cache) {
    const FrameReader reader = verified.open(origin.folder / path, ZeroIsNodata::kAuto);
    entry.facts = reader.facts();
    if (hash_later && !reader.is_packed()) {
      entry.size_bytes = fs::file_size(origin.folder / path);
      if (!entry.facts.product_evidence.empty()) return {std::move(entry)};  // no frame
      const std::string likeness = likeness_of(origin.folder / path, entry.size_bytes);
      return {std::move(entry), likeness};
    }
  }
  const auto [file, sha256] = fetch_new_frame(origin, path, verified);
  entry.sha256 = sha256;
  entry.size_bytes = fs::file_size(file.path);
  if (!origin.cache) return {std::move(entry)};
  try {
    entry.facts = FrameReader(file.path).facts();
  } catch (const InputError& e) {
    throw InputError(origin.name_of(path) + ": " + e.what());  // the name of the copy tells nothing
  }
  return {std::move(entry)};
}

// Hashes those that are not hashed yet and may have the content of another: such are left out before anything
// is found out about the others.
void hash_alike(const FrameOrigin& origin, std::vector<Described>& files, VerifiedFiles& verified,
                int threads, Observer& observer) {
  std::map<std::string, int> alike;
  for (const Described& file : files) ++alike[file.likeness];
  parallel_for(static_cast<int>(files.size()), threads, [&](int i) {
    Described& file = files[static_cast<std::size_t>(i)];
    if (file.likeness.empty() || alike.at(file.likeness) < 2) return;
    observer.check_stop();
    file.entry.sha256 = verified.sha256_of(origin.folder / file.entry.path);
  });
}

// The list of bad frames names them already.
std::string reason_without_name(const std::string& text, const FrameOrigin& origin, const std::string& path) {
  const std::string name = "frame " + escaped((origin.folder / path).string()) + ": ";
  return text.starts_with(name) ? text.substr(name.size()) : text;
}

[[noreturn]] void refuse_products(const FrameOrigin& origin, const std::vector<BadFrame>& products) {
  throw InputError("all " + std::to_string(products.size()) + " files that were read in " +
                   origin.describe() + " are products of this program (" + products.front().path + " " +
                   products.front().reason + "): name the folder of the frames in input.dir");
}

}  // namespace

ScannedFrames scan_frames(const FrameOrigin& origin, const std::vector<std::string>& paths, int threads,
                          const ScanRules& rules, const std::shared_ptr<VerifiedFiles>& verified,
                          Observer& observer) {
  std::vector<Described> files(paths.size());
  std::vector<std::string> problems(paths.size());
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(paths.size()), threads, [&](int i) {
    const auto index = static_cast<std::size_t>(i);
    observer.check_stop();
    try {
      files[index] = describe_frame(origin, paths[index], rules.hash_later, *verified);
    } catch (const InputError& e) {
      problems[index] = reason_without_name(e.what(), origin, paths[index]);
    }
    observer.progress(++done);
  });
  if (!rules.count_duplicates) hash_alike(origin, files, *verified, threads, observer);
  ScannedFrames found;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    ManifestEntry& entry = files[i].entry;
    if (!problems[i].empty())
      found.bad.push_back({printable(paths[i]), printable(problems[i])});
    else if (!entry.facts.product_evidence.empty())
      found.left_out.push_back({entry.path, "is " + entry.facts.product_evidence + ", no frame"});
    else
      found.manifest.frames.push_back(std::move(entry));
  }
  if (found.manifest.frames.empty() && found.bad.empty()) refuse_products(origin, found.left_out);
  FrameTwins twins;
  if (!rules.count_duplicates) twins = find_twins(origin, found.manifest, verified, threads, observer);
  found.manifest = without(found.manifest, twins.left_out);
  found.left_out.insert(found.left_out.end(), twins.left_out.begin(), twins.left_out.end());
  for (auto odd = odd_frames(found.manifest, rules.data); !odd.empty();
       odd = odd_frames(found.manifest, rules.data)) {
    found.manifest = without(found.manifest, odd);
    found.bad.insert(found.bad.end(), odd.begin(), odd.end());
  }
  if (!rules.raw) {
    const auto raw = raw_colour_frames(found.manifest, rules.data);
    found.manifest = without(found.manifest, raw);
    found.bad.insert(found.bad.end(), raw.begin(), raw.end());
  }
  found.warnings = std::move(twins.warnings);
  return found;
}

void fill_in_hashes(const FrameOrigin& origin, Manifest& manifest, const VerifiedFiles& verified) {
  for (ManifestEntry& frame : manifest.frames)
    if (frame.sha256.empty()) frame.sha256 = verified.known_sha256(origin.folder / frame.path);
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
