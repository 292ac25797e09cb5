#include "tilecompile/tile/result.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr const char* kHandBackWords[] = {"stopping", "redelivered", "unfit"};  // in the order of HandBack

json per_channel(const std::vector<double>& values) {
  return values.size() == 1 ? json(values.front()) : json(values);
}

ResultPart decode_part(StrictObject& o) {
  ResultPart part;
  const std::string name = o.text("part");
  while (name != piece_name(part.work)) {
    if (part.work == kLastWork) o.fail("part", "is no piece that this program knows");
    part.work = static_cast<TaskWork>(static_cast<int>(part.work) + 1);
  }
  const auto range = o.integers("frame_index_range", 2, 2, 0, 1 << 20);
  if (range[1] < range[0]) o.fail("frame_index_range", "ends before it begins");
  part.first_frame = range[0];
  part.last_frame = range[1];
  return part;
}

// What a result is about.
const char* item_name(const std::optional<ResultPart>& part) {
  if (!part || !of_frames(part->work)) return "tile_id";
  return of_bands(part->work) ? "band" : "frame_index";
}

void decode_data(StrictObject& o, ResultMessage& result) {
  result.data_ref = o.text("tile_data_ref");
  result.data_checksum = o.digest("tile_data_checksum");
  if (result.part) return;
  if (o.text("tile_data_dtype") != "float32") o.fail("tile_data_dtype", "is not float32");
  result.data_shape = o.integers("tile_data_shape", 2, 3, 1, 1 << 20);
  if (result.data_shape.size() == 3 && result.data_shape.front() < 2)
    o.fail("tile_data_shape", "is neither [h, w] nor [planes, h, w]");
  result.sum_weights = o.plane_numbers("sum_weights");
  result.tile_median = o.plane_numbers("tile_median");
  result.tile_background = o.plane_numbers("tile_background");
  const std::size_t planes =
      result.data_shape.size() == 3 ? static_cast<std::size_t>(result.data_shape.front()) : 1;
  for (const auto* values : {&result.sum_weights, &result.tile_median, &result.tile_background})
    if (values->size() != planes)
      o.fail("tile_data_shape", "does not agree with the number of planes of the scalars");
  result.fallback_used = o.boolean("fallback_used");
}

HandBack decode_hand_back(StrictObject& o, const ResultMessage& result) {
  if (!result.failure || result.failure->kind != ErrorKind::kTransient)
    o.fail("hand_back", "stands in a result without a transient error");
  const std::string why = o.text("hand_back");
  for (const HandBack known : {HandBack::kStopping, HandBack::kRedelivered, HandBack::kUnfit})
    if (why == kHandBackWords[static_cast<std::size_t>(known)]) return known;
  o.fail("hand_back", "is neither 'stopping' nor 'redelivered' nor 'unfit'");
}

}  // namespace

void throw_failure(const TileFailure& failure, const std::string& text) {
  switch (failure.kind) {
    case ErrorKind::kUsage:
      throw UsageError(text);
    case ErrorKind::kInput:
      throw InputError(text);
    case ErrorKind::kTransient:
      throw TransientError(text);
    case ErrorKind::kContract:
      break;
  }
  throw ContractError(text);
}

bool is_worker_id(const std::string& id) {
  constexpr std::size_t kMostBytes = 64;
  return !id.empty() && id.size() <= kMostBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

std::optional<ResultPart> part_of(const TileTask& task) {
  if (task.work == TaskWork::kTile) return std::nullopt;
  return ResultPart{task.work, task.first_frame, task.last_frame};
}

std::string encode_result(const ResultMessage& r) {
  json j{{"schema", 1},
         {"correlation_id", r.correlation_id},
         {"run_id", r.run_id},
         {item_name(r.part), r.tile_id},
         {"worker_id", r.worker_id},
         {"attempt", r.attempt},
         {"compute_seconds", r.compute_seconds}};
  if (r.part) {
    j["part"] = piece_name(r.part->work);
    j["frame_index_range"] = {r.part->first_frame, r.part->last_frame};
  }
  if (r.failure) {
    j["error"] = {{"kind", kind_name(r.failure->kind)}, {"text", r.failure->text}};
    if (r.hand_back) j["hand_back"] = kHandBackWords[static_cast<std::size_t>(*r.hand_back)];
  } else if (r.begun) {
    j["begun"] = true;
  } else {
    j["tile_data_ref"] = r.data_ref;
    j["tile_data_checksum"] = r.data_checksum;
  }
  if (!r.failure && !r.begun && !r.part) {
    j["tile_data_dtype"] = "float32";
    j["tile_data_shape"] = r.data_shape;
    j["sum_weights"] = per_channel(r.sum_weights);
    j["tile_median"] = per_channel(r.tile_median);
    j["tile_background"] = per_channel(r.tile_background);
    j["fallback_used"] = r.fallback_used;
  }
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

ResultMessage decode_result(std::string_view bytes) {
  const json j = StrictObject::parse(bytes, "result");
  StrictObject o(j, "result");
  ResultMessage result;
  o.integer("schema", 1, 1);
  result.correlation_id = o.uuid("correlation_id");
  result.run_id = o.uuid("run_id");
  if (o.has("part")) result.part = decode_part(o);
  result.tile_id = static_cast<int>(o.integer(item_name(result.part), 0, 1 << 24));
  result.worker_id = o.text("worker_id");
  if (!is_worker_id(result.worker_id))
    o.fail("worker_id", "is not 1 to 64 printable characters without blanks and commas");
  result.attempt = static_cast<int>(o.integer("attempt", 1, 1 << 20));
  result.compute_seconds = o.number("compute_seconds");
  if (o.has("error")) {
    StrictObject error(o.get("error"), "result error");
    const std::string kind = error.text("kind");
    result.failure = TileFailure{kind_from_name(kind), error.text("text")};
    error.done();
  } else if (o.has("begun")) {
    result.begun = o.boolean("begun");
    if (!result.begun) o.fail("begun", "is not true");
  } else {
    decode_data(o, result);
  }
  if (o.has("hand_back")) result.hand_back = decode_hand_back(o, result);
  o.done();
  return result;
}

}  // namespace tilecompile
