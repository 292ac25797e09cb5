#include "tilecompile/products/named_folder.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/fits/frame_reader.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWork = "work";
constexpr int kMostOfOneName = 10000;

json record_of(const fs::path& run_directory) {
  std::ifstream in(run_directory / "run.json", std::ios::binary);
  json record = json::parse(std::string{std::istreambuf_iterator<char>(in), {}}, nullptr, false);
  return record.is_object() ? record : json::object();
}

// The day of the first exposure, as the picture's DATE-OBS has it; else that of the run.
std::string date_of(const fs::path& picture, const json& record) {
  try {
    const std::string date = FrameReader(picture, ZeroIsNodata::kNever).facts().time.date_obs;
    if (date.size() >= 10 && date[4] == '-') return date.substr(0, 10);
  } catch (const Error&) {
    // a damaged picture is not this name's business
  }
  return record.value("started", "").substr(0, 10);
}

// The file of the final picture; empty when there is none.
std::string picture_of(const fs::path& run_directory, const json& record) {
  const json products = record.value("products", json::object());
  const std::string picture = products.value("stack", json::object()).value("file", "");
  return picture.empty() || !fs::exists(run_directory / picture) ? "" : picture;
}

std::string name_of(const fs::path& picture, const json& record) {
  const std::string given = record.value("/configuration/output/name"_json_pointer, "");
  if (!given.empty()) return given;
  const std::string target = folder_word(object_of(picture));
  return (target.empty() ? "picture" : target) + "_" + folder_word(date_of(picture, record));
}

// The folder of this name that belongs to the run already, or the first that nobody has.
fs::path place_for(const fs::path& output_dir, const std::string& name, const std::string& run_id) {
  for (int n = 1; n < kMostOfOneName; ++n) {
    const fs::path folder = output_dir / (n == 1 ? name : name + "_" + std::to_string(n));
    if (run_of_folder(folder) == run_id || !fs::exists(fs::symlink_status(folder))) return folder;
  }
  throw TransientError("giving the run a folder of its name in " + output_dir.string() + ": '" + name +
                       "' and all that follow are taken; set output.name");
}

void gather(const fs::path& run_directory, const fs::path& picture, const fs::path& folder) {
  fs::create_directories(folder / "maps");
  const auto link = [&](const fs::path& file, const fs::path& place) {
    if (fs::exists(run_directory / file)) link_or_copy(run_directory / file, place / file.filename());
  };
  link(picture, folder);
  for (const char* name : {"preview.png", "preview.jpg", "picture.tif", "report.html"}) link(name, folder);
  for (const char* map : {"coverage", "weight", "variance", "neff"})
    link(fs::path(picture).replace_extension(std::string(".") + map + ".fits"), folder / "maps");
  for (const char* name : {"rejected.fits", "rejected.low.fits"}) link(name, folder / "maps");
  if (fs::is_symlink(folder / kWork)) return;
  fs::create_directory_symlink(fs::path("..") / run_directory.filename(), folder / kWork);
}

}  // namespace

std::string object_of(const fs::path& picture) {
  if (!fs::exists(picture)) return "";
  try {
    for (const std::string& record : shared_header_records(picture)) {
      if (!record.starts_with("OBJECT  =")) continue;
      const std::size_t begin = record.find('\''), end = record.find('\'', begin + 1);
      if (begin == std::string::npos || end == std::string::npos) return "";
      const std::string name = record.substr(begin + 1, end - begin - 1);
      return name.substr(0, name.find_last_not_of(' ') + 1);
    }
  } catch (const Error&) {
    return "";  // a damaged picture is not this name's business
  }
  return "";
}

std::string folder_word(const std::string& text) {
  std::string word;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool kept = std::isalnum(u) != 0 || u >= 0x80 || c == '+' || c == '-' || c == '.';
    if (kept)
      word += c;
    else if (!word.empty() && word.back() != '_')
      word += '_';
  }
  word.erase(0, word.find_first_not_of("_.-"));
  return word.substr(0, word.find_last_not_of("_.-") + 1);
}

std::string name_of_run(const fs::path& run_directory) {
  const json record = record_of(run_directory);
  const std::string picture = picture_of(run_directory, record);
  return picture.empty() ? "" : name_of(run_directory / picture, record);
}

std::string run_of_folder(const fs::path& folder) {
  std::error_code error;
  const std::string id = fs::read_symlink(folder / kWork, error).filename().string();
  return error || !is_uuid(id) ? "" : id;
}

std::map<std::string, fs::path> named_folders(const fs::path& output_dir) {
  std::map<std::string, fs::path> folders;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(output_dir, error))
    if (const std::string id = run_of_folder(item.path()); !id.empty()) folders.emplace(id, item.path());
  return folders;
}

fs::path gather_by_name(const fs::path& run_directory) {
  const json record = record_of(run_directory);
  const std::string picture = picture_of(run_directory, record);
  if (picture.empty()) return {};
  const fs::path run = fs::absolute(run_directory / "").parent_path();
  const std::string name = name_of(run / picture, record);
  try {
    const fs::path folder = place_for(run_directory.parent_path(), name, run.filename().string());
    gather(run, picture, folder);
    return folder;
  } catch (const fs::filesystem_error& e) {
    throw TransientError(file_error_text("making a folder of the run's name", e.path1(), e.code().value()));
  }
}

}  // namespace tilecompile
