#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tilecompile {

/// A TCP proxy on loopback that spoils the first connections as it is told and passes the others on.
class FaultyProxy {
 public:
  enum class Fault {
    kPass,
    kDropRequest,       ///< closes when the request has begun, before the server sees it
    kDropAnswer,        ///< the server gets the request, its answer is thrown away
    kDropSecondAnswer,  ///< what the server says after the client has spoken twice is thrown away
    kCutAnswer,         ///< the answer ends after `cut_bytes`
    kUnavailable,       ///< 503 without asking the server
    kForbidden,         ///< 403 without asking the server
    kSlowDown,          ///< 503 with an S3 error body
    kSilent,            ///< no answer at all
    kFlipAnswer,        ///< the last byte of the answer's first piece that holds a body is another one
    kFlipRequest        ///< the same for the request
  };

  explicit FaultyProxy(int target_port) : target_port_(target_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw std::runtime_error("no loopback port for the proxy");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~FaultyProxy() {
    stop_ = true;
    acceptor_.join();
    for (std::thread& t : connections_) t.join();
    ::close(listener_);
  }
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;

  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  /// What happens to the next connections, one each.
  void next(std::vector<Fault> faults, std::size_t cut_bytes = 0) {
    const std::lock_guard<std::mutex> lock(mutex_);
    faults_.assign(faults.begin(), faults.end());
    cut_bytes_ = cut_bytes;
  }
  /// Connections since the start.
  int accepted() const { return accepted_; }
  /// Faults that no connection has met yet.
  std::size_t left() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return faults_.size();
  }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  // Waits for bytes of one of two sockets; -1 when the proxy ends.
  int wait_for(int a, int b) const {
    pollfd both[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    while (!stop_) {
      if (::poll(both, 2, 20) <= 0) continue;
      return both[0].revents != 0 ? a : b;
    }
    return -1;
  }
  static bool send_all(int to, const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(to, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }
  static std::string receive(int from) {
    std::string bytes(65536, '\0');
    const ssize_t n = ::recv(from, bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  // Changes the last byte of a piece that goes on after the header; true when it did.
  static bool flip(std::string& piece, bool& in_body) {
    const std::size_t end = piece.find("\r\n\r\n");
    if (end != std::string::npos && !in_body) {
      in_body = true;
      if (end + 4 == piece.size()) return false;
    }
    if (!in_body) return false;
    piece.back() = static_cast<char>(piece.back() ^ 1);
    return true;
  }

  void accept_all() {
    pollfd entry{listener_, POLLIN, 0};
    while (!stop_) {
      if (::poll(&entry, 1, 20) <= 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      ++accepted_;
      Fault fault = Fault::kPass;
      std::size_t cut = 0;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!faults_.empty()) {
          fault = faults_.front();
          faults_.pop_front();
        }
        cut = cut_bytes_;
      }
      connections_.emplace_back([this, client, fault, cut] {
        serve(client, fault, cut);
        ::close(client);
      });
    }
  }

  void serve(int client, Fault fault, std::size_t cut) {
    if (fault == Fault::kDropRequest || fault == Fault::kUnavailable || fault == Fault::kForbidden ||
        fault == Fault::kSlowDown || fault == Fault::kSilent) {
      if (wait_for(client, client) < 0) return;
      receive(client);
      const std::string body = fault == Fault::kSlowDown
                                   ? "<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your "
                                     "request rate</Message></Error>"
                                   : "";
      if (fault == Fault::kUnavailable || fault == Fault::kSlowDown)
        send_all(client, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body);
      if (fault == Fault::kForbidden)
        send_all(client, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      if (fault == Fault::kSilent)
        while (wait_for(client, client) == client && !receive(client).empty()) {
        }
      return;
    }
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(target_port_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      pass(client, server, fault, cut);
    ::close(server);
  }

  void pass(int client, int server, Fault fault, std::size_t cut) const {
    std::size_t answered = 0;
    int spoken = 0;  // times the client began to
    bool client_speaks = false;
    bool request_body = false, answer_body = false, flipped = false;
    for (int from = wait_for(client, server); from >= 0; from = wait_for(client, server)) {
      std::string piece = receive(from);
      if (piece.empty()) return;
      if (from == client) {
        if (!client_speaks) ++spoken;
        client_speaks = true;
        if (fault == Fault::kFlipRequest && !flipped) flipped = flip(piece, request_body);
        if (!send_all(server, piece)) return;
        continue;
      }
      client_speaks = false;
      if (fault == Fault::kDropAnswer || (fault == Fault::kDropSecondAnswer && spoken > 1)) return;
      if (fault == Fault::kFlipAnswer && !flipped) flipped = flip(piece, answer_body);
      if (fault == Fault::kCutAnswer && answered + piece.size() > cut) {
        send_all(client, piece.substr(0, cut - answered));
        return;
      }
      answered += piece.size();
      if (!send_all(client, piece)) return;
    }
  }

  int target_port_, port_ = 0, listener_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::list<Fault> faults_;
  std::size_t cut_bytes_ = 0;
  std::thread acceptor_;
  std::list<std::thread> connections_;
};

}  // namespace tilecompile
