#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "http_server.hpp"
#include "live_picture.hpp"
#include "run_watch.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// The page of a run while it goes on: the report as far as it is known, the state of the run, and the
/// picture, in which tiles appear as they come in. Nothing of it can be changed from there, and the run never
/// waits for it; the storage is read for it only while somebody looks. With /metrics, /healthz and /readyz.
class LivePage {
 public:
  /// Listens at `place` and says in the log where. Pages of other places than loopback need the token in
  /// their address: $TILECOMPILE_PAGE_TOKEN, or a random one. `store` outlives this object.
  LivePage(const ListenPlace& place, RunWatch& watch, ObjectStore& store);
  /// Gives those who look a moment to fetch the report of a run that has ended.
  ~LivePage();
  LivePage(const LivePage&) = delete;
  LivePage& operator=(const LivePage&) = delete;

  /// The frames were analysed: `plain_mean` and `grid` as LivePicture takes them. Copies what it needs.
  void begin_picture(const Image& plain_mean, const Grid& grid);
  const std::string& url() const { return url_; }

 private:
  void add_pages(const std::string& root);
  std::optional<std::string> feed(StreamReader& reader);
  std::string hello();
  PageAnswer picture(bool with_tiles);
  void paint();
  void lay(const std::string& journal_line);

  RunWatch& watch_;
  ObjectStore& store_;
  std::string url_;
  std::mutex mutex_;  // of the picture and the flags
  std::condition_variable changed_;
  std::optional<LivePicture> picture_;
  std::vector<Box> tiles_;
  int planes_ = 1;
  bool looked_at_ = false, report_given_ = false, stopping_ = false;
  HttpServer server_;
  std::thread painter_;
};

/// What stands before the path of pages that not everybody may see: "" on loopback, else "/TOKEN".
std::string page_root(const ListenPlace& place);
/// Where others find them: a place for all addresses of this host is reached by its name.
std::string page_url(const ListenPlace& place, const std::string& root);

}  // namespace tilecompile
