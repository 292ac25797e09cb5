#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

TileTask sample_task(int tiles) {
  TileTask task;
  task.correlation_id = "11111111-2222-4333-8444-555555555555";
  task.run_id = "66666666-7777-4888-9999-aaaaaaaaaaaa";
  task.config_hash = std::string(64, 'a');
  task.frames_manifest_id = std::string(64, 'b');
  task.last_frame = 999;
  task.metrics = {task.run_id + "/frame_metrics.json", std::string(64, 'c')};
  for (int i = 0; i < tiles; ++i)
    task.tiles.push_back({123 + i, {64 * i, 32, 64, 64}, tile_seed(task.run_id, 123 + i)});
  return task;
}

ResultMessage sample_result(std::size_t channels) {
  ResultMessage r;
  r.correlation_id = "11111111-2222-4333-8444-555555555555";
  r.run_id = "66666666-7777-4888-9999-aaaaaaaaaaaa";
  r.tile_id = 7;
  r.data_ref = r.run_id + "/tiles/tile_000007.fits";
  r.data_checksum = std::string(64, 'd');
  r.data_shape = channels == 3 ? std::vector<int>{3, 64, 65} : std::vector<int>{64, 65};
  r.sum_weights = std::vector<double>(channels, 12.25);
  r.tile_median = std::vector<double>(channels, 0.1);
  r.tile_background = std::vector<double>(channels, 1.0 / 3);
  r.worker_id = "host-1";
  r.compute_seconds = 0.125;
  return r;
}

TEST(TaskMessage, HasExactlyTheFieldsOfTheProtocol) {
  const json j = json::parse(encode_task(sample_task(1)));
  std::vector<std::string> keys;
  for (const auto& [key, value] : j.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"config_hash", "correlation_id", "frame_index_range",
                                            "frames_manifest_id", "input_stage", "metrics_config", "run_id",
                                            "schema", "seed", "task_type", "tile_bbox", "tile_id"}));
  EXPECT_EQ(j["task_type"], "tile_compute");
  EXPECT_EQ(j["frame_index_range"], (json{0, 999}));
  EXPECT_EQ(json::parse(encode_task(sample_task(3)))["task_type"], "tile_batch");
}

TEST(TaskMessage, PiecesOfTilesRoundTrip) {
  const std::map<TaskWork, std::string> types = {
      {TaskWork::kMeasure, "tile_measure"}, {TaskWork::kSample, "tile_sample"}, {TaskWork::kSum, "tile_sum"}};
  for (const auto& [work, type] : types) {
    TileTask task = sample_task(1);
    task.work = work;
    task.first_frame = 64;
    const bool sums = work != TaskWork::kMeasure;
    if (sums) {
      task.tiles[0].data_ref = "weights";
      task.tiles[0].data_checksum = std::string(64, 'd');
    }
    const TileTask back = decode_task(encode_task(task));
    EXPECT_EQ(encode_task(back), encode_task(task));
    EXPECT_EQ(back.work, work);
    EXPECT_EQ(back.tiles[0].data_ref, task.tiles[0].data_ref);
    json j = json::parse(encode_task(task));
    EXPECT_EQ(j["task_type"], type);
    j["task_type"] = sums ? "tile_measure" : "tile_sum";
    EXPECT_THROW(decode_task(j.dump()), InputError);
    ResultMessage result = sample_result(1);
    result.part = part_of(task);
    const ResultMessage found = decode_result(encode_result(result));
    EXPECT_EQ(found.part, (ResultPart{work, 64, 999}));
    EXPECT_EQ(found.data_checksum, result.data_checksum);
    EXPECT_TRUE(found.data_shape.empty());
    json r = json::parse(encode_result(result));
    r["part"] = "pixels";
    EXPECT_THROW(decode_result(r.dump()), InputError);
  }
  EXPECT_FALSE(part_of(sample_task(1)));
}

TEST(TaskMessage, RoundTrip) {
  for (int tiles : {1, 2, 5}) {
    const TileTask task = sample_task(tiles), back = decode_task(encode_task(task));
    EXPECT_EQ(encode_task(back), encode_task(task));
    EXPECT_EQ(back.tiles.size(), task.tiles.size());
  }
}

TEST(TaskMessage, SeedIsTheHashPrefix) {
  EXPECT_EQ(tile_seed("66666666-7777-4888-9999-aaaaaaaaaaaa", 123), 0xd8fef203u);
  EXPECT_EQ(tile_seed("abc", 0), 0x5f36efceu);
}

TEST(TaskMessage, EveryMissingUnknownOrMistypedFieldIsRefused) {
  for (int tiles : {1, 2}) {
    const json good = json::parse(encode_task(sample_task(tiles)));
    for (const auto& [key, value] : good.items()) {
      json missing = good;
      missing.erase(key);
      EXPECT_THROW(decode_task(missing.dump()), InputError) << key;
      for (const json& wrong :
           {json(nullptr), json("x"), json(-1.5), json::array(), json(true), json(1e300)}) {
        json mistyped = good;
        mistyped[key] = wrong;
        if (key == "input_stage" && wrong.is_string()) continue;
        EXPECT_THROW(decode_task(mistyped.dump()), InputError) << key << " = " << wrong;
      }
    }
    json more = good;
    more["extra"] = 1;
    EXPECT_THROW(decode_task(more.dump()), InputError);
  }
}

TEST(TaskMessage, EveryTruncationAndTwiceNamedFieldsAreRefused) {
  const std::string good = encode_task(sample_task(2));
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_THROW(decode_task(good.substr(0, n)), InputError) << n;
  const std::string twice = R"({"schema":1,)" + good.substr(1);
  EXPECT_THROW(decode_task(twice), InputError);
  EXPECT_THROW(decode_task(std::string(100000, '[')), InputError);
  EXPECT_THROW(decode_task("\xff\xfe"), InputError);
}

TEST(TaskMessage, EveryFlippedByteIsRefusedOrChangesTheMeaning) {
  const std::string good = encode_task(sample_task(2));
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int bit : {0x01, 0x20, 0x80}) {
      std::string damaged = good;
      damaged[i] = static_cast<char>(damaged[i] ^ bit);
      try {
        EXPECT_NE(encode_task(decode_task(damaged)), good) << i;
      } catch (const InputError&) {
      }
    }
}

TEST(ResultMessages, RoundTripMonoColourAndFailure) {
  for (std::size_t channels : {1u, 3u}) {
    const ResultMessage r = sample_result(channels), back = decode_result(encode_result(r));
    EXPECT_EQ(encode_result(back), encode_result(r));
    EXPECT_EQ(back.tile_background, r.tile_background);
  }
  ResultMessage failed = sample_result(1);
  failed.failure = TileFailure{ErrorKind::kInput, "frame r_1.fits differs"};
  const ResultMessage back = decode_result(encode_result(failed));
  ASSERT_TRUE(back.failure.has_value());
  EXPECT_EQ(back.failure->kind, ErrorKind::kInput);
  EXPECT_EQ(back.failure->text, "frame r_1.fits differs");
}

TEST(ResultMessages, OnlyATransientFailureIsHandedBackForThisAttemptOrTheNext) {
  ResultMessage failed = sample_result(1);
  failed.attempt = 3;
  failed.failure = TileFailure{ErrorKind::kTransient, "no space left"};
  for (const HandBack why : {HandBack::kStopping, HandBack::kRedelivered, HandBack::kUnfit}) {
    failed.hand_back = why;
    const ResultMessage back = decode_result(encode_result(failed));
    ASSERT_TRUE(back.hand_back);
    EXPECT_EQ(*back.hand_back, why);
  }
  const json good = json::parse(encode_result(failed));
  for (const char* wrong : {"4", "true", R"("")", R"("stopped")", R"({"attempt":4,"died":[]})"}) {
    json bad = good;
    bad["hand_back"] = json::parse(wrong);
    EXPECT_THROW(decode_result(bad.dump()), InputError) << wrong;
  }
  json input = good, whole = json::parse(encode_result(sample_result(1)));
  input["error"]["kind"] = "input";
  EXPECT_THROW(decode_result(input.dump()), InputError);
  whole["hand_back"] = "stopping";
  EXPECT_THROW(decode_result(whole.dump()), InputError);
}

TEST(ResultMessages, AnAnnouncementCarriesNothingElse) {
  ResultMessage begun = sample_result(1);
  begun.begun = true;
  const json good = json::parse(encode_result(begun));
  EXPECT_TRUE(decode_result(good.dump()).begun);
  EXPECT_EQ(decode_result(good.dump()).data_ref, "");
  for (const char* wrong : {"false", "1", "\"yes\""}) {
    json bad = good;
    bad["begun"] = json::parse(wrong);
    EXPECT_THROW(decode_result(bad.dump()), InputError) << wrong;
  }
  json with_data = json::parse(encode_result(sample_result(1)));
  with_data["begun"] = true;
  EXPECT_THROW(decode_result(with_data.dump()), InputError);
}

TEST(ResultMessages, HasExactlyTheFieldsOfTheProtocol) {
  const json j = json::parse(encode_result(sample_result(1)));
  std::vector<std::string> keys;
  for (const auto& [key, value] : j.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"attempt", "compute_seconds", "correlation_id", "fallback_used",
                                            "run_id", "schema", "sum_weights", "tile_background",
                                            "tile_data_checksum", "tile_data_dtype", "tile_data_ref",
                                            "tile_data_shape", "tile_id", "tile_median", "worker_id"}));
  EXPECT_TRUE(j["sum_weights"].is_number());
  EXPECT_TRUE(json::parse(encode_result(sample_result(3)))["sum_weights"].is_array());
}

TEST(ResultMessages, DamageIsRefused) {
  const json good = json::parse(encode_result(sample_result(3)));
  for (const auto& [key, value] : good.items()) {
    json missing = good;
    missing.erase(key);
    EXPECT_THROW(decode_result(missing.dump()), InputError) << key;
  }
  json mixed = good;
  mixed["sum_weights"] = 1.0;
  EXPECT_THROW(decode_result(mixed.dump()), InputError);
  json more = good;
  more["extra"] = 1;
  EXPECT_THROW(decode_result(more.dump()), InputError);
  const std::string bytes = encode_result(sample_result(1));
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_THROW(decode_result(bytes.substr(0, n)), InputError) << n;
}

}  // namespace
}  // namespace tilecompile
