#include "tilecompile/products/run_report.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "report_pictures.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/tile_metrics_file.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/products/named_folder.hpp"
#include "tilecompile/report/page.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kLeastShare = -6, kMostShare = 4;  // powers of two of a weight over its tile's mean
constexpr int kShareBins = 50;
constexpr unsigned char kNoShare = 255;
constexpr std::size_t kMostShareCodes = 600000;  // of the page's bytes

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string text_or_missing(PageValues& page, const fs::path& path, const char* what) {
  std::string text = text_of(path);
  if (text.empty())
    page.missing.push_back(std::string(what) + ": " + path.filename().string() + " is not there");
  return text;
}

// The file of the final picture: the last product that the run got to.
std::string final_file(const json& record) {
  const json& products = record.contains("products") ? record["products"] : json::object();
  for (const char* name : {"stack", "reconstruction"})
    if (products.contains(name)) return products[name].value("file", "");
  return "";
}

// Where the stars are. Other versions know other figures of the frames, but all have these two lists.
std::optional<StarList> stars_of(const fs::path& path) {
  const json metrics = json::parse(text_of(path), nullptr, false);
  if (!metrics.is_object() || !metrics.contains("stars") || !metrics.contains("star_radius_px"))
    return std::nullopt;
  try {
    StarList list{{}, std::clamp(metrics["star_radius_px"].get<int>(), 1, kLargestStarRadiusPx)};
    for (const json& star : metrics["stars"]) list.stars.push_back({star.at(0), star.at(1)});
    return list;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

void add_weights(PageValues& page, const fs::path& path) {
  if (!fs::exists(path)) {
    page.missing.emplace_back("weights of tiles: tile_metrics.fits is not there");
    return;
  }
  std::vector<double> shares, powers;
  std::string codes;
  PageHistogram histogram = histogram_of({}, kLeastShare, kMostShare, kShareBins);
  histogram.name = "weights";
  histogram.title = "Weights of frames in tiles, over the mean of their tile";
  histogram.unit = "log2";
  page.tile_effective_frames =
      read_tile_weights(path, page.shown_channel, [&](const std::vector<double>& weights) {
        double sum = 0;
        for (const double w : weights) sum += w;
        page.tile_weights.push_back(sum);
        shares.resize(weights.size());
        for (const double w : weights) {
          const double share = w * static_cast<double>(weights.size()) / sum;
          codes += static_cast<char>(share > 0 ? share_code(std::log2(share)) : kNoShare);
        }
        if (!(sum > 0)) return;
        powers.clear();
        for (std::size_t f = 0; f < weights.size(); ++f) {
          const double share = weights[f] * static_cast<double>(weights.size()) / sum;
          shares[f] += share;
          powers.push_back(std::log2(share));
        }
        const PageHistogram of_tile = histogram_of(powers, kLeastShare, kMostShare, kShareBins);
        for (std::size_t i = 0; i < of_tile.counts.size(); ++i) histogram.counts[i] += of_tile.counts[i];
      });
  for (double& share : shares) share /= static_cast<double>(page.tile_weights.size());
  page.frame_shares = std::move(shares);
  if (codes.size() <= kMostShareCodes) page.tile_share_codes = std::move(codes);
  page.histograms.push_back(std::move(histogram));
}

void add_workers(PageValues& page, const fs::path& journal) {
  std::map<std::string, PageWorker> workers;
  std::ifstream in(journal, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    const json result = json::parse(line, nullptr, false);
    if (!result.is_object() || !result.contains("worker_id") || !result["worker_id"].is_string()) continue;
    PageWorker& worker = workers[result["worker_id"]];
    worker.id = result["worker_id"];
    ++worker.tiles;
    worker.compute_seconds += result.value("compute_seconds", 0.0);
  }
  for (auto& [id, worker] : workers) page.workers.push_back(std::move(worker));
}

// What the files tell that a run leaves before its pictures.
void add_night(PageValues& page, const fs::path& run_directory) {
  page.grid = text_or_missing(page, run_directory / "grid.json", "grid");
  if (!page.grid.empty() && !json::accept(page.grid)) {
    page.grid.clear();
    page.missing.emplace_back("grid: grid.json is damaged");
  }
  page.frame_table = text_or_missing(page, run_directory / "frame_metrics.csv", "figures of the frames");
}

// What run.json will say of the frames, from the manifest.
json record_so_far(const fs::path& run_directory) {
  json record{{"status", "running"}, {"run_id", fs::absolute(run_directory).filename().string()}};
  const json manifest = json::parse(text_of(run_directory / "manifest.json"), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("frames") || manifest["frames"].empty()) return record;
  const json& first = manifest["frames"].front();
  record["frames"] = {{"count", manifest["frames"].size()}};
  for (const char* key : {"width", "height", "channels"})
    if (first.contains(key)) record["frames"][key] = first[key];
  return record;
}

}  // namespace

std::string live_report_page(const fs::path& run_directory) {
  PageValues page;
  page.under_way = true;
  const json record = record_so_far(run_directory);
  page.record = record.dump();
  if (record.contains("frames") && record["frames"].value("channels", 1) == 3) page.shown_channel = 1;
  add_night(page, run_directory);
  return report_page(page);
}

std::string run_report_page(const fs::path& run_directory, bool answers, int threads) {
  PageValues page;
  page.answers = answers;
  page.record = text_of(run_directory / "run.json");
  const json record = json::parse(page.record, nullptr, false);
  if (!record.is_object())
    throw InputError("writing the report of " + run_directory.string() +
                     ": there is no run.json that can be read; name the folder of a run that has ended "
                     "(output.dir/RUN_ID)");
  page.name = name_of_run(run_directory);
  add_night(page, run_directory);
  page.rejection_table = text_or_missing(page, run_directory / "rejection.csv", "what was rejected");
  const std::optional<StarList> stars = stars_of(run_directory / "frame_metrics.json");
  add_pictures(page, run_directory, final_file(record), stars.value_or(StarList{}), threads);
  if (!stars) page.missing.emplace_back("places of stars: frame_metrics.json is not there, or damaged");
  unless_damaged(page, "weights of tiles", [&] { add_weights(page, run_directory / "tile_metrics.fits"); });
  add_workers(page, run_directory / "journal.jsonl");
  return report_page(page);
}

void write_run_report(const fs::path& run_directory, int threads) {
  write_file_atomically(run_directory / "report.html", run_report_page(run_directory, false, threads));
}

}  // namespace tilecompile
