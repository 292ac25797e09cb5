// A run that is looked at while it goes on: its page in a browser, its metrics, and its status at the broker.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "broker/patience.hpp"
#include "worker_life.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LivePage : public WorkerLife {
 protected:
  // What the log says behind `key=`.
  static std::string told(const StartedProgram& program, const std::string& key) {
    const std::string text = program.text();
    const std::size_t at = text.find(key + "=");
    if (at == std::string::npos) return "";
    const std::size_t from = at + key.size() + 1;
    return text.substr(from, text.find_first_of(" \n", from) - from);
  }
  static std::string fetch(const std::string& url, const std::string& flags = "") {
    return run_shell("curl -s -m 20 " + flags + " '" + url + "'").text;
  }
  static std::string code(const std::string& url, const std::string& flags = "") {
    return fetch(url, "-o /dev/null -w '%{http_code}' " + flags);
  }
  std::unique_ptr<StartedProgram> start_shown_master(const std::string& place = "127.0.0.1:0") const {
    auto master = start_master({"--page", place, "--set", "parallel.batch=1"});
    EXPECT_TRUE(master->wait_for("can be looked at in a browser")) << master->text();
    return master;
  }
  // Stops the worker in the middle of the run, so that what is looked at stays as it is.
  void stop_midway(StartedProgram& master, StartedProgram& worker, const std::string& page) const {
    ASSERT_TRUE(master.run_until([&] {
      const json status = json::parse(fetch(page + "status.json"), nullptr, false);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return status.is_object() && status.at("tiles").at("done") >= 5;
    })) << master.text();
    worker.send(SIGSTOP);
  }
  // What the probe saw of the page, some seconds after it was opened.
  static json look(const std::string& page) {
    const TempDir folder;
    const std::string here = std::string(source_dir()) + "/tests/system/",
                      port_file = (folder / "port").string();
    run_shell("timeout 200 /usr/bin/python3 '" + here + "live_proxy.py' '" + page + "' '" + here +
              "live_probe.js' > '" + port_file + "' 2>/dev/null &");
    comes_true([&] { return !file_text(port_file).empty(); });
    const std::string proxy = "'http://127.0.0.1:" + std::to_string(std::stoi(file_text(port_file))) + "/'";
    const std::string chromium =
        "timeout -k 5 90 chromium --headless=new --no-sandbox --disable-gpu --no-first-run "
        "--disable-background-networking --timeout=60000 --window-size=1200,1800 --user-data-dir='" +
        (folder / "profile").string() + "' ";
    const ProgramOutput out = run_shell(chromium + "--dump-dom " + proxy + " 2>/dev/null");
    if (const char* shots = std::getenv("TILECOMPILE_SCREENSHOTS"); shots != nullptr)
      run_shell(chromium + "--hide-scrollbars --screenshot='" + shots + "/live.png' " + proxy);
    const std::string mark = "<pre id=\"seen\">";
    const std::size_t at = out.text.find(mark);
    if (at == std::string::npos) return {{"errors", {"the probe did not run: " + out.text.substr(0, 500)}}};
    const std::size_t begin = at + mark.size();
    return json::parse(out.text.substr(begin, out.text.find("</pre>", begin) - begin));
  }
};

TEST_F(LivePage, TilesAppearInTheBrowserAndTheRunIsTheSame) {
  const auto master = start_shown_master();
  const std::string page = told(*master, "page");
  EXPECT_TRUE(page.starts_with("http://127.0.0.1:")) << page;
  const auto worker = start_worker("seen-worker");
  stop_midway(*master, *worker, page);
  if (run_shell("command -v chromium").exit_code == 0) {
    const json seen = look(page);
    ASSERT_THAT(seen.at("errors"), IsEmpty()) << seen.dump(1);
    EXPECT_EQ(seen.at("ready"), "yes");
    EXPECT_EQ(seen.at("status"), "running");
    EXPECT_THAT(seen.at("said").get<std::string>(), HasSubstr("Reconstruct tiles: "));
    EXPECT_GE(seen.at("bar").at(0), 5);
    EXPECT_EQ(seen.at("canvas"), json::parse("[900, 400]"));
    EXPECT_GE(seen.at("tiles"), 5) << seen.dump(1);
    EXPECT_LT(seen.at("tiles"), seen.at("bar").at(1));
    EXPECT_THAT(seen.at("workers"), Contains("seen-worker"));
    EXPECT_THAT(seen.at("news").dump(), HasSubstr("a round of tiles has begun"));
    for (const char* plot : {"FWHM", "Transparency", "Tile grid"})
      EXPECT_THAT(seen.at("plots"), Contains(plot));
    EXPECT_EQ(seen.at("nameless"), 0);
    EXPECT_LE(seen.at("tooWide"), 0);
    // The first tiles lie below: there the plain mean is not dark any more.
    EXPECT_GT(seen.at("lower").get<double>(), seen.at("upper").get<double>());
  }
  const fs::path heard = *folder_ / (id_ + ".heard");
  const std::string listen = "( curl -sN -m 100 '" + page + "events' > '" + heard.string() +
                             "'; sleep 1.5; curl -s '" + page + "report.html' >> '" + heard.string() +
                             "' ) > /dev/null 2>&1 &";
  run_shell(listen);
  worker->send(SIGCONT);
  expect_reference(*master);
  ASSERT_TRUE(comes_true([&] { return file_text(heard).find("</html>") != std::string::npos; }))
      << "who looks is told of the end, and finds the report";
  for (const char* part :
       {"event: hello", "event: status", "event: tile", "event: end", "data:image/png;base64,"})
    EXPECT_THAT(file_text(heard), HasSubstr(part));
}

TEST_F(LivePage, NobodyChangesAnythingAndStrangersSeeNothing) {
  const auto master = start_shown_master("0.0.0.0:0");
  const std::string page = told(*master, "page");
  const std::size_t slash = page.find('/', 7), colon = page.rfind(':', slash);
  const std::string root = "http://127.0.0.1" + page.substr(colon, slash - colon);
  const std::string secret = root + page.substr(slash);
  EXPECT_GT(secret.size(), root.size() + 30) << page;
  EXPECT_EQ(code(secret), "200");
  EXPECT_EQ(code(secret + "status.json"), "200");
  for (const char* path : {"/", "/status.json", "/events", "/picture.png", "/../run.json"})
    EXPECT_EQ(code(root + path), "404") << path;
  for (const char* path : {"/metrics", "/healthz"}) EXPECT_EQ(code(root + path), "200") << path;
  for (const char* how : {"-X POST -d x", "-X PUT -d x", "-X DELETE"})
    EXPECT_THAT(code(secret, how), Not(HasSubstr("200"))) << how;
  master->send(SIGTERM);
  EXPECT_EQ(master->wait(), 143);
}

TEST_F(LivePage, APageOfAnotherSiteDoesNotReachIt) {
  const auto master = start_shown_master();
  const std::string page = told(*master, "page");
  EXPECT_EQ(code(page + "status.json", "-H 'Host: evil.example.org'"), "403");
  EXPECT_EQ(code(page + "status.json", "-H 'Host: localhost:1234'"), "200");
  EXPECT_THAT(fetch(page, "-i"), HasSubstr("default-src 'none'"));
  master->send(SIGTERM);
  EXPECT_EQ(master->wait(), 143);
}

TEST_F(LivePage, APortThatIsTakenIsNamed) {
  const auto master = start_shown_master();
  const std::string page = told(*master, "page");
  const ProgramOutput second =
      run_program("run '" + (*folder_ / "night/run.yaml").string() + "' --output '" +
                  (*folder_ / "second").string() + "' --page " + page.substr(7, page.size() - 8));
  EXPECT_EQ(second.exit_code, 5);
  EXPECT_THAT(second.text, HasSubstr("cannot listen at 127.0.0.1:"));
  master->send(SIGTERM);
  EXPECT_EQ(master->wait(), 143);
}

TEST_F(LivePage, MetricsAreWhatPrometheusReads) {
  const auto master = start_shown_master();
  const std::string page = told(*master, "page");
  const auto worker = start_worker("metered", {"--metrics", "127.0.0.1:0"});
  ASSERT_TRUE(worker->wait_for("worker is ready")) << worker->text();
  const std::string metrics = told(*worker, "metrics");
  stop_midway(*master, *worker, page);
  EXPECT_EQ(code(page + "healthz"), "200");
  EXPECT_EQ(code(page + "readyz"), "200");
  const std::string of_run = fetch(page + "metrics");
  EXPECT_THAT(of_run, HasSubstr("tilecompile_worker_tiles_total{worker_id=\"metered\"}"));
  worker->send(SIGCONT);
  expect_reference(*master);
  const std::string ready = metrics.substr(0, metrics.rfind('/')) + "/readyz";
  EXPECT_EQ(code(ready), "200");
  const std::string of_worker = fetch(metrics);
  EXPECT_THAT(of_worker, HasSubstr("tilecompile_worker_consuming 1"));
  EXPECT_THAT(of_worker, Not(HasSubstr("outcome=\"done\"} 0")));
  for (const std::string& text : {of_run, of_worker}) {
    std::ofstream(*folder_ / "metrics.txt") << text;
    const ProgramOutput parsed =
        run_shell("/usr/bin/python3 '" + std::string(source_dir()) + "/tests/system/read_metrics.py' '" +
                  (*folder_ / "metrics.txt").string() + "'");
    EXPECT_EQ(parsed.exit_code, 0) << parsed.text;
  }
}

TEST_F(LivePage, TheBrokerTellsOfRunsQueuesAndIdleWorkers) {
  std::ofstream(*folder_ / "look.yaml") << "input: {dir: night/frames}\nbroker: {port: " << port() << "}\n";
  const std::string ask = "status --broker '" + (*folder_ / "look.yaml").string() + "' ";
  // Notes of earlier runs live for some seconds.
  ASSERT_TRUE(comes_true([&] {
    return run_program(ask).text.find("none is under way") != std::string::npos;
  })) << run_program(ask).text;
  const auto idle = start_worker("idle-one");
  ASSERT_TRUE(idle->wait_for("worker is ready")) << idle->text();
  ASSERT_TRUE(comes_true([&] { return run_program(ask).text.find("idle-one: idle") != std::string::npos; }))
      << run_program(ask).text;
  // Not asked for later, when the broker may have given up on workers that stand still.
  EXPECT_GE(json::parse(run_program(ask + "--json").text).at("queues").at("tile.compute").at("consumers"), 1);
  idle->send(SIGSTOP);
  const auto master = start_shown_master();
  const auto busy = start_worker("busy-one");
  stop_midway(*master, *busy, told(*master, "page"));
  json seen;
  ASSERT_TRUE(comes_true([&] {
    seen = json::parse(run_program(ask + "--json").text, nullptr, false);
    return seen.is_object() && !seen.at("runs").empty() && seen.at("runs").at(0).at("tiles").at("done") >= 5;
  })) << seen.dump(1);
  EXPECT_EQ(seen.at("runs").at(0).at("run_id"), id_);
  EXPECT_EQ(seen.at("workers").at("busy-one").at("run_id"), id_);
  EXPECT_GE(seen.at("workers").at("busy-one").at("tiles"), 1);
  EXPECT_THAT(run_program(ask).text, HasSubstr("run        " + id_));
  for (StartedProgram* worker : {idle.get(), busy.get()}) worker->send(SIGCONT);
  expect_reference(*master);
}

// A master that waits for workers reads their notes again and again, and holds them meanwhile.
TEST_F(LivePage, TheBrokerTellsOfAWorkerWhoseNoteAMasterIsReading) {
  std::ofstream(*folder_ / "look.yaml") << "input: {dir: night/frames}\nbroker: {port: " << port() << "}\n";
  const auto unfit = start_worker("unfit-one", {}, *folder_ / "nowhere");
  ASSERT_TRUE(unfit->wait_for("is not ready and takes no tasks")) << unfit->text();
  const auto master = start_shown_master();
  ASSERT_TRUE(master->wait_for("the run stands still")) << master->text();
  for (int look = 0; look < 40; ++look)
    EXPECT_THAT(run_program("status --broker '" + (*folder_ / "look.yaml").string() + "'").text,
                HasSubstr("unfit-one: takes no tasks for now"));
  const auto worker = start_worker("fit-one");
  expect_reference(*master);
}

TEST_F(LivePage, TheLatestRunIsFoundByALinkAndByItsBeginning) {
  const auto master = start_shown_master();
  ASSERT_TRUE(master->wait_for("frames analysed")) << master->text();
  master->send(SIGTERM);
  EXPECT_EQ(master->wait(), 143);
  EXPECT_EQ(fs::read_symlink(*folder_ / "out/latest"), id_);
  const std::string output = " --output '" + (*folder_ / "out").string() + "'";
  EXPECT_THAT(run_program("status " + id_.substr(0, 13) + output).text, HasSubstr(id_));
  EXPECT_THAT(run_program("runs" + output).text, HasSubstr("interrupted"));
  const auto worker = start_worker("again");
  const ProgramOutput again = run_program(
      "master '" + (*folder_ / "night/run.yaml").string() + "'" + output +
      " --resume latest --set tile.min_size=48 --set broker.heartbeat_s=2 --set broker.port=" + port());
  EXPECT_EQ(again.exit_code, 0) << again.text;
  EXPECT_EQ(product_digests(*folder_ / "out/latest"), reference_);
  EXPECT_EQ(run_program("master '" + (*folder_ / "night/run.yaml").string() + "' --output '" +
                        (*folder_ / "elsewhere").string() + "' --resume '" +
                        (*folder_ / "out" / id_).string() + "'")
                .exit_code,
            2);
}

}  // namespace
}  // namespace tilecompile
