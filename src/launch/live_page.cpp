#include "live_page.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "metrics.hpp"
#include "tilecompile/base/base64.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "tilecompile/products/run_report.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kLook = 500ms;            // between two looks at what is new
constexpr auto kTellEvery = 1s;          // how the run stands
constexpr auto kFarewell = 3s;           // for those who look, to fetch the report
constexpr auto kFetching = 300ms;        // a report that is on its way
constexpr std::size_t kMostAtOnce = 16;  // tiles, before it is looked whether the run has ended

std::string event(const char* kind, const std::string& data) {
  return std::string("event: ") + kind + "\ndata: " + data + "\n\n";
}

std::string dumped(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

json place_json(int tile_id, const Box& place) {
  return {{"tile_id", tile_id}, {"x", place.x0}, {"y", place.y0}, {"w", place.w}, {"h", place.h}};
}

PageAnswer file_answer(const std::filesystem::path& path, const char* type) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {"text/plain", "not there yet\n", 503};
  return {type, {std::istreambuf_iterator<char>(in), {}}};
}

}  // namespace

std::string page_root(const ListenPlace& place) {
  if (place.loopback()) return "";
  const char* const token = std::getenv("TILECOMPILE_PAGE_TOKEN");
  if (token == nullptr || *token == '\0') return "/" + new_uuid();
  const std::string text = token;
  constexpr std::size_t kLeast = 16;
  if (text.size() < kLeast || text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != std::string::npos)
    throw UsageError(
        "TILECOMPILE_PAGE_TOKEN must be at least 16 letters, digits, - and _: it keeps strangers out");
  return "/" + text;
}

std::string page_url(const ListenPlace& place, const std::string& root) {
  ListenPlace known = place;
  if (place.address == "0.0.0.0" || place.address == "::") {
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    known.address = host;
  }
  return known.url() + root + "/";
}

LivePage::LivePage(const ListenPlace& place, RunWatch& watch, ObjectStore& store)
    : watch_(watch), store_(store), server_(place) {
  const std::string root = page_root(place);
  url_ = page_url(server_.place(), root);
  add_pages(root);
  server_.start();
  painter_ = std::thread([this] { paint(); });
  log_info("the run can be looked at in a browser", {{"page", url_}});
}

LivePage::~LivePage() {
  // Who looks is told that the run is over, and fetches the report: a busy machine takes its time for that.
  const bool somebody_looks = server_.readers() > 0;
  const auto report_given = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return report_given_;
  };
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    report_given_ = false;
  }
  watch_.add("end", dumped({{"status", watch_.status().status}}));
  const auto until = std::chrono::steady_clock::now() + kFarewell;
  while ((server_.readers() > 0 || (somebody_looks && !report_given())) &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(20ms);
  bool looked_at = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    looked_at = looked_at_;
    stopping_ = true;
  }
  if (looked_at) std::this_thread::sleep_for(kFetching);
  changed_.notify_all();
  painter_.join();
  server_.stop();
}

void LivePage::add_pages(const std::string& root) {
  server_.page(root + "/", [this] {
    return PageAnswer{"text/html; charset=utf-8", live_report_page(watch_.directory())};
  });
  server_.page(root + "/report.html", [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    report_given_ = true;
    return file_answer(watch_.directory() / "report.html", "text/html; charset=utf-8");
  });
  server_.page(root + "/status.json", [this] {
    return PageAnswer{"application/json", dumped(status_json(watch_.status()))};
  });
  server_.page(root + "/plain.png", [this] { return picture(false); });
  server_.page(root + "/picture.png", [this] { return picture(true); });
  server_.stream(root + "/events", [this](StreamReader& reader) { return feed(reader); });
  server_.page("/metrics", [this] { return PageAnswer{kMetricsType, run_metrics(watch_.status())}; });
  server_.page("/healthz", [] { return PageAnswer{"text/plain", "ok\n"}; });
  server_.page("/readyz", [this] {
    const RunStatus s = watch_.status();
    if (s.state.empty()) return PageAnswer{"text/plain", "ok\n"};
    return PageAnswer{"text/plain", "the run stands still: " + s.state + "\n", 503};
  });
}

PageAnswer LivePage::picture(bool with_tiles) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!picture_) return {"text/plain", "the frames are not analysed yet\n", 503};
  return {"image/png", with_tiles ? picture_->png() : picture_->plain_png()};
}

// What a reader begins with: which tiles are in the picture that it can fetch.
std::string LivePage::hello() {
  json tiles = json::array();
  bool has_picture = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    looked_at_ = true;
    has_picture = picture_.has_value();
    if (picture_)
      for (const int id : picture_->laid()) tiles.push_back(place_json(id, picture_->place(id)));
  }
  changed_.notify_all();
  json events = json::array();
  for (const std::string& line : watch_.latest_events()) events.push_back(json::parse(line));
  return event("hello", dumped({{"picture", has_picture}, {"tiles", tiles}, {"events", events}}));
}

std::optional<std::string> LivePage::feed(StreamReader& reader) {
  if (reader.over) return std::nullopt;
  const auto now = std::chrono::steady_clock::now();
  if (!reader.greeted || now - reader.told_at > kTellEvery) {
    reader.told_at = now;
    const std::string status = event("status", dumped(status_json(watch_.status())));
    if (std::exchange(reader.greeted, true)) return status;
    reader.seen = watch_.latest();
    return hello() + status;
  }
  bool missed = false;
  const auto news = watch_.after(reader.seen, kTellEvery, missed);
  if (!news) return "";
  reader.greeted = !missed;  // who was too slow begins again
  reader.seen = news->number;
  reader.over = news->kind == "end";
  return event(news->kind.c_str(), news->data);
}

void LivePage::begin_picture(const Image& plain_mean, const Grid& grid) {
  LivePicture picture(plain_mean, grid);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tiles_ = grid.tiles;
    planes_ = static_cast<int>(plain_mean.size());
    picture_.emplace(std::move(picture));
  }
  watch_.add("picture", "{}");
}

// Lays tiles over the picture, in a thread of its own, once somebody has looked.
void LivePage::paint() {
  std::size_t next = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kLook, [this] { return stopping_; });
    if (stopping_ || !looked_at_ || !picture_) continue;
    lock.unlock();
    const std::vector<std::string> lines = watch_.results(next, kMostAtOnce);
    next += lines.size();
    for (const std::string& line : lines) {
      try {
        lay(line);
      } catch (const std::exception& e) {
        log_debug(std::string("a tile is not in the picture of the page: ") + e.what());
      }
    }
    lock.lock();
  }
}

void LivePage::lay(const std::string& journal_line) {
  const ResultMessage result = decode_result(journal_line);
  const auto t = static_cast<std::size_t>(result.tile_id);
  const TileFile tile = load_tile(store_, result, tiles_.at(t), planes_);
  std::optional<std::string> png;
  Box place;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    png = picture_->lay(result.tile_id, tile.pixels);
    place = picture_->place(result.tile_id);
  }
  if (!png) return;
  json news = place_json(result.tile_id, place);
  news["png"] = "data:image/png;base64," + base64(*png);
  watch_.add("tile", dumped(news));
}

}  // namespace tilecompile
