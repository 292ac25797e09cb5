#include "tilecompile/header/manifest.hpp"

#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kLargestSidePx = 65535;  // as of a frame

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// End of the run of digits that starts at i.
std::size_t digits_end(std::string_view s, std::size_t i) {
  while (i < s.size() && is_digit(s[i])) ++i;
  return i;
}

// Compares two runs of digits as numbers of any length: -1, 0, 1.
int compare_numbers(std::string_view a, std::string_view b) {
  while (a.size() > 1 && a.front() == '0') a.remove_prefix(1);
  while (b.size() > 1 && b.front() == '0') b.remove_prefix(1);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  const int order = a.compare(b);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

json number_or_null(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

void check_path(const std::string& path) {
  bool bad = path.empty() || path.front() == '/' || path.find('\0') != std::string::npos;
  for (std::size_t begin = 0; begin <= path.size() && !bad;) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = std::string_view(path).substr(begin, end - begin);
    bad = part.empty() || part == "." || part == "..";
    begin = end + 1;
  }
  if (bad)
    throw InputError("manifest: frame path '" + path + "' is not a plain path inside the input folder");
}

ManifestEntry decode_entry(const json& j, bool hashes_known) {
  StrictObject o(j, "manifest: frame");
  ManifestEntry entry;
  entry.path = o.text("path");
  check_path(entry.path);
  entry.size_bytes = static_cast<std::uint64_t>(o.integer("size", 0, INT64_MAX));
  if (hashes_known || o.get("sha256") != "") entry.sha256 = o.digest("sha256");
  entry.facts.width = static_cast<int>(o.integer("width", 1, kLargestSidePx));
  entry.facts.height = static_cast<int>(o.integer("height", 1, kLargestSidePx));
  entry.facts.channels = static_cast<int>(o.integer("channels", 1, 3));
  entry.facts.exposure_s = o.number_or_nan("exposure");
  o.done();
  return entry;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::size_t i_end = digits_end(a, i), j_end = digits_end(b, j);
      const int order = compare_numbers(a.substr(i, i_end - i), b.substr(j, j_end - j));
      if (order != 0) return order < 0;
      i = i_end;
      j = j_end;
    } else {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      ++i;
      ++j;
    }
  }
  if ((a.size() - i) != (b.size() - j)) return a.size() - i < b.size() - j;
  return a < b;
}

std::string encode_manifest(const Manifest& manifest) {
  json frames = json::array();
  for (const ManifestEntry& f : manifest.frames) {
    frames.push_back({{"path", f.path},
                      {"size", f.size_bytes},
                      {"sha256", f.sha256},
                      {"width", f.facts.width},
                      {"height", f.facts.height},
                      {"channels", f.facts.channels},
                      {"exposure", number_or_null(f.facts.exposure_s)}});
  }
  json j = {{"schema", 1}, {"frames", frames}};
  if (!manifest.registration.empty()) j["registration"] = manifest.registration;
  return j.dump(1) + "\n";
}

Manifest decode_manifest(std::string_view bytes, bool hashes_known) {
  const json j = StrictObject::parse(bytes, "manifest");
  StrictObject o(j, "manifest");
  o.integer("schema", 1, 1);
  if (!o.get("frames").is_array()) o.fail("frames", "is not a list");
  Manifest manifest;
  if (o.has("registration")) manifest.registration = o.digest("registration");
  for (const json& frame : o.get("frames")) manifest.frames.push_back(decode_entry(frame, hashes_known));
  o.done();
  for (const ManifestEntry& f : manifest.frames)
    if (f.facts.width != manifest.width() || f.facts.height != manifest.height() ||
        f.facts.channels != manifest.channels() || f.facts.channels == 2)
      throw InputError("manifest: frame '" + f.path + "' has another shape than the first frame");
  return manifest;
}

}  // namespace tilecompile
