#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tilecompile {

/// Where to listen: "ADDR:PORT", "ADDR", ":PORT", "PORT", "[V6]:PORT".
struct ListenPlace {
  std::string address = "127.0.0.1";
  int port = 0;
  bool loopback() const;    ///< only this host can reach it
  std::string url() const;  ///< "http://127.0.0.1:8080"
};
/// Throws UsageError for anything else, and for names: an address says which hosts can reach it. What `text`
/// leaves out is 127.0.0.1 and `default_port`.
ListenPlace parse_listen_place(const std::string& text, int default_port);

/// Who reads a stream, and how far.
struct StreamReader {
  bool greeted = false, over = false;
  std::uint64_t seen = 0;                           ///< number of the latest news it got
  std::chrono::steady_clock::time_point told_at{};  ///< when it last heard how things are
};

struct PageAnswer {
  std::string type, body;
  int status = 200;
};

/// A small server of pages that only GET and HEAD can ask for. Each is made when it is asked for, in a thread
/// of the server.
class HttpServer {
 public:
  using Page = std::function<PageAnswer()>;
  /// For a page that takes what stands behind the question mark of its address.
  using Asked = std::map<std::string, std::string>;
  using Reply = std::function<PageAnswer(const Asked& asked)>;
  /// The next piece of a stream of server-sent events, for `reader`; returns after a second at most.
  /// Nothing: the stream is at its end.
  using Feed = std::function<std::optional<std::string>(StreamReader& reader)>;

  /// Listens. Throws TransientError when the place is taken or this host has no such address.
  explicit HttpServer(const ListenPlace& place);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before start().
  void page(const std::string& path, Page page);
  void reply(const std::string& path, Reply reply);
  void stream(const std::string& path, Feed feed);
  void start();
  /// Ends it; pages that are being made are waited for.
  void stop();
  /// With the port that was found when 0 was asked for.
  const ListenPlace& place() const;
  /// Readers of streams at this moment.
  int readers() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tilecompile
