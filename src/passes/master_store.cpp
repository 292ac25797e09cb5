#include "master_store.hpp"

#include <cmath>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

std::string key_of(const std::string& sha256) { return "masters/" + sha256 + ".fits"; }
std::string record_of(const std::string& input) { return "masters/of/" + sha256_hex(input); }

}  // namespace

MasterObject MasterStore::put(const Plane<float>& plane) {
  const std::string bytes = encode_image("a master", {plane}, {});
  MasterObject object;
  object.sha256 = sha256_hex(bytes);
  object.key = key_of(object.sha256);
  store_.put(object.key, bytes);  // also over one that was damaged
  return object;
}

Plane<float> MasterStore::find(const std::string& input, const std::vector<MadeMaster>& made) {
  std::string sha256;
  if (store_.exists(record_of(input))) sha256 = store_.get(record_of(input));
  for (const MadeMaster& master : made)
    if (master.input == input) sha256 = master.sha256;
  if (!is_sha256(sha256) || !store_.exists(key_of(sha256))) return {};
  try {
    return decode_plane(fetch_checked(store_, key_of(sha256), sha256, "a master"));
  } catch (const InputError& e) {
    log_warning("a master of the storage is damaged and made again", {{"reason", e.what()}});
    store_.remove(key_of(sha256));
    return {};
  }
}

void MasterStore::remember(ObjectStore& store, const MadeMaster& master) {
  store.put(record_of(master.input), master.sha256);
}

void MasterStore::write(const std::string& name, const Plane<float>& master, const CalibrationFrames& frames,
                        const std::vector<int>& chosen) const {
  const ManifestEntry& first = frames.frames.frames[static_cast<std::size_t>(chosen.front())];
  ProductHeader header;
  for (const std::string& record : product_header_records(frames.folder / first.path))
    if (record.rfind("DATE", 0) != 0) header.kept_records.push_back(record);
  header.cards = {{"IMAGETYP", std::string("Master ") + name_of(frames.kind), "type of exposure"},
                  {"EXPTIME", first.facts.exposure_s, "[s] of one frame"},
                  {"NCOMBINE", static_cast<std::int64_t>(chosen.size()), "frames in the mean"}};
  header.history = {"clipped mean by tilecompile of " + std::to_string(chosen.size()) + " frames, " +
                    first.path + " the first"};
  std::filesystem::create_directories(folder_);
  write_image(folder_ / name, {master}, header);
}

}  // namespace tilecompile
