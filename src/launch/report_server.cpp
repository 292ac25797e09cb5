#include "tilecompile/launch/report_server.hpp"

#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "live_page.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/launch/modes.hpp"
#include "tilecompile/products/run_report.hpp"
#include "tilecompile/review/explain.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr auto kSignalLook = std::chrono::milliseconds(100);

int whole_number(const HttpServer::Asked& asked, const char* name) {
  const auto found = asked.find(name);
  const std::string text = found == asked.end() ? "" : found->second;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw InputError(
        std::string("a pixel is asked for by whole numbers x, y and channel, there is no such ") + name);
  return value;
}

PageAnswer pixel_answer(const RunFolders& folders, const HttpServer::Asked& asked) {
  json answer;
  try {
    const ExplainRequest request{folders, whole_number(asked, "x"), whole_number(asked, "y"),
                                 whole_number(asked, "channel")};
    answer = explained_json(explain_pixel(request));
  } catch (const std::exception& e) {
    answer = {{"error", e.what()}};
  }
  return {"application/json", answer.dump(-1, ' ', false, json::error_handler_t::replace)};
}

}  // namespace

void serve_report(const RunFolders& folders, const std::string& place, const std::atomic<int>& stop_signal) {
  const std::string page = run_report_page(folders.run_dir, true);
  HttpServer server(parse_listen_place(place, kPagePort));
  const std::string root = page_root(server.place());
  std::mutex one_at_a_time;  // a tile of all frames is in memory
  server.page(root + "/", [&page] { return PageAnswer{"text/html; charset=utf-8", page}; });
  server.reply(root + "/pixel.json", [&](const HttpServer::Asked& asked) {
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    return pixel_answer(folders, asked);
  });
  server.start();
  log_info("the report can be looked at in a browser, until this program is stopped",
           {{"page", page_url(server.place(), root)}});
  while (stop_signal == 0) std::this_thread::sleep_for(kSignalLook);
  server.stop();
}

}  // namespace tilecompile
