#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"
#include "tilecompile/tile/tile_parts.hpp"

namespace tilecompile {
namespace {

static_assert(std::endian::native == std::endian::little, "sums are stored as they lie in memory");

using nlohmann::json;
constexpr int kLargest = 1 << 24;
constexpr int kLargestTileSide = 1 << 20;
constexpr std::size_t kMostChannels = 16;

// Metrics of a frame as a list: three numbers for stars, two for structure, one for the share of the tile
// that is covered, none when not measured.
json encode_metrics(const LocalMetrics& m) {
  if (m.star) return {m.star->log_fwhm, m.star->axis_ratio, m.star->contrast};
  if (m.structure) return {m.structure->energy_over_noise, m.structure->background};
  if (m.covered_share > 0) return json::array({m.covered_share});
  return json::array();
}

std::vector<double> numbers(const json& list, const StrictObject& o, const std::string& key) {
  if (!list.is_array()) o.fail(key, "holds something that is not a list");
  std::vector<double> values;
  for (const json& item : list) {
    if (!item.is_number()) o.fail(key, "holds something that is not a number");
    values.push_back(item.get<double>());
  }
  return values;
}

LocalMetrics decode_metrics(const std::vector<double>& v, TileKind kind, const StrictObject& o) {
  LocalMetrics m;
  if (v.empty()) return m;
  if (v.size() == 1)
    m.covered_share = v[0];
  else if (v.size() == 3 && kind == TileKind::kStar)
    m.star = StarMetrics{v[0], v[1], v[2]};
  else if (v.size() == 2 && kind == TileKind::kStructure)
    m.structure = StructureMetrics{v[0], v[1]};
  else
    o.fail("channels", "holds a wrong number of metrics");
  return m;
}

const json& channel_list(StrictObject& o, const std::string& key) {
  const json& list = o.get(key);
  if (!list.is_array() || list.empty() || list.size() > kMostChannels) o.fail(key, "is no list of channels");
  return list;
}

int tile_id(StrictObject& o) {
  o.integer("schema", 1, 1);
  return static_cast<int>(o.integer("tile_id", 0, kLargest));
}

FrameRange frame_range(StrictObject& o) {
  const auto r = o.integers("frame_index_range", 2, 2, 0, kLargest);
  if (r[1] < r[0]) o.fail("frame_index_range", "ends before it begins");
  return {r[0], r[1]};
}

template <class T>
void put(std::string& bytes, const Plane<T>& plane) {
  bytes.append(reinterpret_cast<const char*>(plane.data()), plane.size() * sizeof(T));
}

// Memory is taken only for numbers that are there.
template <class T>
Plane<T> take(std::string_view& bytes, int width, int height, const std::string& what) {
  const std::size_t size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * sizeof(T);
  if (bytes.size() < size) throw InputError(what + ": the object is cut off");
  Plane<T> plane(width, height);
  std::memcpy(plane.data(), bytes.data(), size);
  bytes.remove_prefix(size);
  return plane;
}

json take_head(std::string_view& bytes, const std::string& what) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) throw InputError(what + ": the object has no head");
  json head = StrictObject::parse(bytes.substr(0, end), what);
  bytes.remove_prefix(end + 1);
  return head;
}

void check_end(std::string_view bytes, const std::string& what) {
  if (!bytes.empty()) throw InputError(what + ": the object is longer than its head says");
}

}  // namespace

std::string encode_metrics_part(const TileMetricsPart& part) {
  json channels = json::array();
  for (const auto& frames : part.channels) {
    channels.push_back(json::array());
    for (const LocalMetrics& m : frames) channels.back().push_back(encode_metrics(m));
  }
  return json{{"schema", 1},
              {"tile_id", part.tile_id},
              {"frame_index_range", {part.frames.first, part.frames.last}},
              {"kind", tile_kind_name(part.kind)},
              {"channels", std::move(channels)}}
             .dump() +
         "\n";
}

TileMetricsPart decode_metrics_part(std::string_view bytes) {
  const json j = StrictObject::parse(bytes, "tile metrics");
  StrictObject o(j, "tile metrics");
  TileMetricsPart part;
  part.tile_id = tile_id(o);
  part.frames = frame_range(o);
  const std::string kind = o.text("kind");
  if (kind != tile_kind_name(TileKind::kStar) && kind != tile_kind_name(TileKind::kStructure))
    o.fail("kind", "is neither STAR nor STRUCTURE");
  part.kind = kind == tile_kind_name(TileKind::kStar) ? TileKind::kStar : TileKind::kStructure;
  for (const json& frames : channel_list(o, "channels")) {
    if (!frames.is_array() || static_cast<int>(frames.size()) != part.frames.count())
      o.fail("channels", "has another number of frames than the range");
    part.channels.emplace_back();
    for (const json& m : frames)
      part.channels.back().push_back(decode_metrics(numbers(m, o, "channels"), part.kind, o));
  }
  o.done();
  return part;
}

std::string encode_tile_weights(const TileWeights& weights) {
  std::vector<int> shape;
  std::string numbers;
  for (const Plane<double>& plane : weights.mean) {
    shape = {plane.height(), plane.width()};
    put(numbers, plane);
  }
  return json{{"schema", 1},
              {"tile_id", weights.tile_id},
              {"quality", weights.quality},
              {"weight", weights.frame_weight},
              {"mean_shape", shape}}
             .dump() +
         "\n" + numbers;
}

TileWeights decode_tile_weights(std::string_view bytes) {
  const json j = take_head(bytes, "tile weights");
  StrictObject o(j, "tile weights");
  TileWeights weights;
  weights.tile_id = tile_id(o);
  for (const json& list : channel_list(o, "quality")) weights.quality.push_back(numbers(list, o, "quality"));
  for (const json& list : channel_list(o, "weight"))
    weights.frame_weight.push_back(numbers(list, o, "weight"));
  if (weights.quality.size() != weights.frame_weight.size())
    o.fail("weight", "has another number of channels than 'quality'");
  for (std::size_t c = 0; c < weights.quality.size(); ++c)
    if (weights.quality[c].size() != weights.quality[0].size() ||
        weights.frame_weight[c].size() != weights.quality[0].size())
      o.fail("weight", "and 'quality' differ in frames");
  const auto shape = o.integers("mean_shape", 0, 2, 1, kLargestTileSide);
  if (shape.size() == 1) o.fail("mean_shape", "is neither [] nor [h, w]");
  for (std::size_t c = 0; c < weights.quality.size() && !shape.empty(); ++c)
    weights.mean.push_back(take<double>(bytes, shape[1], shape[0], "tile weights"));
  o.done();
  check_end(bytes, "tile weights");
  return weights;
}

std::string encode_sums_part(const TileSumsPart& part) {
  json plain = json::array();
  std::string numbers;
  for (const auto& chunks : part.channels) {
    plain.push_back(json::array());
    for (const PartialSums& sums : chunks) {
      plain.back().push_back(!sums.plain.empty());
      for (const auto& plane : sums.weighted) put(numbers, plane);
      for (const auto& plane : sums.plain) put(numbers, plane);
      put(numbers, sums.coverage);
    }
  }
  const json head{{"schema", 1},
                  {"tile_id", part.tile_id},
                  {"tile_bbox", {part.box.x0, part.box.y0, part.box.w, part.box.h}},
                  {"frame_index_range", {part.frames.first, part.frames.last}},
                  {"sampled", part.sampled},
                  {"plain_sums", std::move(plain)}};
  return head.dump() + "\n" + numbers;
}

TileSumsPart decode_sums_part(std::string_view bytes) {
  const std::string what = "partial sums";
  const json j = take_head(bytes, what);
  StrictObject o(j, what);
  TileSumsPart part;
  part.tile_id = tile_id(o);
  const auto b = o.integers("tile_bbox", 4, 4, 0, kLargestTileSide);
  part.box = {b[0], b[1], b[2], b[3]};
  part.frames = frame_range(o);
  part.sampled = o.boolean("sampled");
  const int w = part.box.w, h = part.sampled ? sampled_rows(part.box.h) : part.box.h;
  for (const json& chunks : channel_list(o, "plain_sums")) {
    if (!chunks.is_array()) o.fail("plain_sums", "holds something that is not a list");
    part.channels.emplace_back();
    for (const json& plain : chunks) {
      if (!plain.is_boolean()) o.fail("plain_sums", "holds something that is neither true nor false");
      PartialSums& sums = part.channels.back().emplace_back();
      for (std::size_t i = 0; i < PartialSums::kSums; ++i)
        sums.weighted.push_back(take<double>(bytes, w, h, what));
      for (std::size_t i = 0; plain.get<bool>() && i < PartialSums::kSums; ++i)
        sums.plain.push_back(take<double>(bytes, w, h, what));
      sums.coverage = take<std::int32_t>(bytes, w, h, what);
    }
  }
  o.done();
  check_end(bytes, what);
  return part;
}

}  // namespace tilecompile
