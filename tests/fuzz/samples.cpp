#include "samples.hpp"

#include <zlib.h>

#include "fits/handmade_fits.hpp"
#include "tilecompile/align/registration.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/frame/clusters.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

const char* const kSampleRunId = "66666666-7777-4888-9999-aaaaaaaaaaaa";

namespace {

TileTask task_of(int tiles, bool synthetic) {
  TileTask task;
  task.correlation_id = "11111111-2222-4333-8444-555555555555";
  task.run_id = kSampleRunId;
  task.config_hash = std::string(64, 'a');
  task.frames_manifest_id = std::string(64, 'b');
  task.last_frame = 9;
  task.metrics = {task.run_id + "/frame_metrics.json", std::string(64, 'c')};
  if (synthetic) task.clusters = ObjectReference{task.run_id + "/clusters.json", std::string(64, 'd')};
  for (int i = 0; i < tiles; ++i)
    task.tiles.push_back({i,
                          {64 * i, 32, 64, 64},
                          tile_seed(task.run_id, i),
                          synthetic ? task.run_id + "/tiles/tile_000000.fits" : "",
                          synthetic ? std::string(64, 'e') : ""});
  return task;
}

ResultMessage result_of(std::size_t planes) {
  ResultMessage r;
  r.correlation_id = "11111111-2222-4333-8444-555555555555";
  r.run_id = kSampleRunId;
  r.tile_id = 7;
  r.data_ref = r.run_id + "/tiles/tile_000007.fits";
  r.data_checksum = std::string(64, 'd');
  r.data_shape = {64, 65};
  if (planes > 1) r.data_shape.insert(r.data_shape.begin(), static_cast<int>(planes));
  r.sum_weights = r.tile_median = r.tile_background = std::vector<double>(planes, 1.0 / 3);
  r.worker_id = "host-1";
  return r;
}

TileFile tile_of(std::size_t planes, std::size_t frames) {
  TileFile tile;
  tile.tile_id = 3;
  tile.box = {40, 70, 13, 7};
  tile.pixels.assign(planes, Plane<float>(13, 7, 1.5F));
  tile.coverage.assign(planes, Plane<std::int32_t>(13, 7, 5));
  tile.weight = tile.variance = tile.effective_frames = tile.pixels;
  tile.quality.assign(planes, std::vector<double>(frames, 0.5));
  tile.frame_weight = tile.rejected_low = tile.rejected_high = tile.quality;
  tile.run_id = kSampleRunId;
  return tile;
}

TileTask task_of_frames() {
  TileTask task = task_of(2, false);
  task.work = TaskWork::kStars;
  return task;
}

TileTask task_of_bands() {
  TileTask task = task_of(2, false);
  task.work = TaskWork::kStack;
  for (TaskTile& band : task.tiles) band.box.x0 = band.box.w = 0;
  return task;
}

std::string gzipped(const std::string& bytes) {
  std::string out(compressBound(bytes.size()) + 64, '\0');
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

// Samples of a slope, so that no codec finds them trivial.
template <class T>
std::string frame_of(int bitpix, const std::vector<long>& axes, const std::string& cards) {
  std::size_t count = 1;
  for (long n : axes) count *= static_cast<std::size_t>(n);
  std::vector<T> samples(count);
  for (std::size_t i = 0; i < count; ++i) samples[i] = static_cast<T>(400 + (i * 7) % 61);
  return fits_header(bitpix, axes, cards) + padded(big_endian_bytes(samples), '\0');
}

// A tile-compressed frame of 16 x 2 px: two rows, each gzipped for itself.
std::string compressed_frame() {
  std::string rows[2], heap, descriptors;
  for (int y = 0; y < 2; ++y) {
    std::vector<std::int16_t> samples(16);
    for (std::size_t x = 0; x < 16; ++x) samples[x] = static_cast<std::int16_t>(400 + x * 7 % 5 + y);
    rows[y] = gzipped(big_endian_bytes(samples));
    descriptors += big_endian_bytes(std::vector<std::int32_t>{static_cast<std::int32_t>(rows[y].size()),
                                                              static_cast<std::int32_t>(heap.size())});
    heap += rows[y];
  }
  const auto text = [](const char* key, const char* value) { return fits_card(key, value); };
  std::string header = text("XTENSION", "'BINTABLE'") + text("BITPIX", "8") + text("NAXIS", "2") +
                       text("NAXIS1", "8") + text("NAXIS2", "2") +
                       fits_card("PCOUNT", std::to_string(heap.size())) + text("GCOUNT", "1") +
                       text("TFIELDS", "1") + text("TTYPE1", "'COMPRESSED_DATA'") + text("TFORM1", "'1PB'") +
                       text("ZIMAGE", "T") + text("ZBITPIX", "16") + text("ZNAXIS", "2") +
                       text("ZNAXIS1", "16") + text("ZNAXIS2", "2") + text("ZTILE1", "16") +
                       text("ZTILE2", "1") + text("ZCMPTYPE", "'GZIP_1'") + raw_card("END");
  return fits_header(8, {}) + padded(header, ' ') + padded(descriptors + heap, '\0');
}

}  // namespace

std::vector<std::string> sample_configs() {
  RunConfig config;
  config.input.dir = "frames";
  return {config_yaml(config), "tile: {min_size: 64, overlap_fraction: 0.25}\ninput:\n  dir: \"a b\"  # c\n"};
}

std::vector<std::string> sample_tasks() {
  return {encode_task(task_of(1, false)), encode_task(task_of(3, false)), encode_task(task_of(2, true)),
          encode_any_task(task_of_frames()), encode_any_task(task_of_bands())};
}

std::vector<std::string> sample_results() {
  ResultMessage failed = result_of(1);
  failed.failure = TileFailure{ErrorKind::kInput, "frame r_1.fits differs"};
  ResultMessage look = result_of(1);
  look.part = ResultPart{TaskWork::kStars, 0, 9};
  return {encode_result(result_of(1)), encode_result(result_of(3)), encode_result(failed),
          encode_result(look)};
}

std::vector<std::string> sample_manifests() {
  Manifest manifest;
  for (int i = 0; i < 3; ++i) {
    ManifestEntry entry;
    entry.path = "night/f" + std::to_string(i) + ".fits";
    entry.size_bytes = 5760;
    entry.sha256 = std::string(64, 'a');
    entry.facts.width = 90;
    entry.facts.height = 70;
    entry.facts.channels = 1;
    entry.facts.exposure_s = 60;
    manifest.frames.push_back(entry);
  }
  return {encode_manifest(manifest)};
}

std::vector<std::string> sample_registrations() {
  Registration registration;
  registration.reference = "f0.fits";
  registration.grid = {90, 70, -3, 2, 0.5};
  registration.cfa_pattern = "RGGB";
  registration.calibrations = {{{"masters/a.fits", std::string(64, 'a')}, {}}};
  registration.frames = {{"f0.fits", 90, 70, shift_transform(0, 0), -1},
                         {"f1.fits", 90, 70, shift_transform(1.5, -2), 0}};
  return {encode_registration(registration)};
}

std::vector<std::string> sample_metrics() {
  FrameMetrics metrics;
  FrameChannel frame;
  frame.background = 400;
  frame.normalization = {1, 0.0025, 0};
  frame.fwhm_surface = {3, 0.5, 0.25};
  frame.footprint = {{1, 0, -2}};
  metrics.channels.assign(3, std::vector<FrameChannel>(2, frame));
  metrics.stars = {{12.5, 7.25}, {80, 60}};
  metrics.sky = metrics.output_scale = {400, 401, 402};
  return {encode_frame_metrics(metrics)};
}

std::vector<std::string> sample_clusters() { return {encode_clusters({3, {0, 1, 2, 0, 1, 2}})}; }

std::vector<std::string> sample_journals() {
  std::string journal;
  for (const std::string& line : sample_results()) journal += line + "\n";
  return {journal};
}

std::vector<std::string> sample_tiles() {
  return {encode_tile_file(tile_of(1, 4)), encode_tile_file(tile_of(3, 2)), encode_tile_file(tile_of(6, 0))};
}

std::vector<std::string> sample_frames() {
  const std::string cards = fits_card("EXPTIME", "60.0") + fits_card("BZERO", "32768") +
                            fits_card("BLANK", "-32768") + fits_card("DATE-OBS", "'2024-01-02T03:04:05'");
  const std::string integers = frame_of<std::int16_t>(16, {23, 17}, cards);
  return {integers, frame_of<float>(-32, {19, 11}, ""), frame_of<std::uint8_t>(8, {13, 9, 3}, ""),
          gzipped(integers), compressed_frame()};
}

}  // namespace tilecompile
