#include "http_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kThreads = 16;
constexpr int kMostReaders = 10;  // of streams; each holds a thread
constexpr int kIdle_s = 5;

bool is_address(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

UsageError not_a_place(const std::string& text) {
  return UsageError("cannot listen at '" + text +
                    "': give an address of this host, a port or both, as in 127.0.0.1:8765 or [::1]:8765");
}

// The name in the Host header, without its port.
std::string host_name(const std::string& host) {
  const std::size_t bracket = host.find(']');
  const std::size_t colon = host.find(':', bracket == std::string::npos ? 0 : bracket);
  return host.substr(0, colon);
}

// What cannot be made now (a file that is being written) may be there when it is asked for again.
PageAnswer made(const HttpServer::Reply& reply, const HttpServer::Asked& asked) {
  try {
    return reply(asked);
  } catch (const std::exception& error) {
    log_debug(std::string("a page could not be made: ") + error.what());
    return {"text/plain", "not there yet\n", 503};
  }
}

// A stream that fails ends: nobody would catch what is thrown in a thread of the server.
std::optional<std::string> next_piece(const HttpServer::Feed& feed, StreamReader& reader) {
  try {
    return feed(reader);
  } catch (const std::exception& error) {
    log_debug(std::string("a stream could not go on: ") + error.what());
    return std::nullopt;
  }
}

}  // namespace

bool ListenPlace::loopback() const { return address.starts_with("127.") || address == "::1"; }

std::string ListenPlace::url() const {
  const bool v6 = address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

ListenPlace parse_listen_place(const std::string& text, int default_port) {
  ListenPlace place;
  place.port = default_port;
  std::string address = text, port;
  if (text.starts_with("[")) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) throw not_a_place(text);
    address = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port[0] != ':') throw not_a_place(text);
    port.erase(0, 1);
  } else if (const std::size_t colon = text.rfind(':');
             colon != std::string::npos && text.find(':') == colon) {
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    address.clear();
    port = text;
  }
  if (!address.empty()) place.address = address;
  if (!is_address(place.address)) throw not_a_place(text);
  if (port.empty()) return place;
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535)
    throw not_a_place(text);
  place.port = std::stoi(port);
  return place;
}

struct HttpServer::Parts {
  ListenPlace place;
  httplib::Server server;
  std::atomic<bool> stopping{false}, ended{false};
  std::atomic<int> readers{0};
  std::thread thread;
};

HttpServer::HttpServer(const ListenPlace& place) : parts_(std::make_unique<Parts>()) {
  Parts& parts = *parts_;
  parts.place = place;
  parts.server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  parts.server.set_read_timeout(kIdle_s);
  parts.server.set_write_timeout(kIdle_s);
  parts.server.set_keep_alive_max_count(100);
  parts.server.set_keep_alive_timeout(1);
  parts.server.set_payload_max_length(0);
  const bool loopback = place.loopback();
  // A page of another site must not reach this one under a name of its own that leads here.
  parts.server.set_pre_routing_handler(
      [loopback](const httplib::Request& request, httplib::Response& response) {
        const std::string host = host_name(request.get_header_value("Host"));
        response.set_header("Cache-Control", "no-store");
        response.set_header("X-Content-Type-Options", "nosniff");
        response.set_header("Referrer-Policy", "no-referrer");
        const bool known = host == "localhost" || is_address(host) ||
                           (host.starts_with("[") && is_address(host.substr(1, host.find(']') - 1)));
        if (!loopback || known) return httplib::Server::HandlerResponse::Unhandled;
        response.status = 403;
        response.set_content("this server is reached by its address or as localhost\n", "text/plain");
        return httplib::Server::HandlerResponse::Handled;
      });
  // Not the library's own choice, under which two programs could share a port.
  parts.server.set_socket_options([](auto socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    fcntl(static_cast<int>(socket), F_SETFD, FD_CLOEXEC);
  });
  if (place.port == 0) parts.place.port = parts.server.bind_to_any_port(place.address);
  if (place.port == 0 ? parts.place.port <= 0 : !parts.server.bind_to_port(place.address, place.port))
    throw TransientError(
        "cannot listen at " + place.address + ":" + std::to_string(place.port) +
        ": the port is taken or may not be used, or this host has no such address; name another");
}

HttpServer::~HttpServer() { stop(); }

void HttpServer::page(const std::string& path, Page page) {
  reply(path, [page = std::move(page)](const Asked&) { return page(); });
}

void HttpServer::reply(const std::string& path, Reply reply) {
  parts_->server.Get(
      path, [reply = std::move(reply)](const httplib::Request& request, httplib::Response& response) {
        PageAnswer answer = made(reply, Asked(request.params.begin(), request.params.end()));
        response.status = answer.status;
        response.set_content(std::move(answer.body), answer.type);
      });
}

void HttpServer::stream(const std::string& path, Feed feed) {
  Parts& parts = *parts_;
  parts.server.Get(path,
                   [&parts, feed = std::move(feed)](const httplib::Request&, httplib::Response& response) {
                     if (++parts.readers > kMostReaders) {
                       --parts.readers;
                       response.status = 503;
                       response.set_content("too many look at this already\n", "text/plain");
                       return;
                     }
                     const auto reader = std::make_shared<StreamReader>();
                     response.set_chunked_content_provider(
                         "text/event-stream",
                         [&parts, feed, reader](std::size_t, httplib::DataSink& sink) {
                           const auto text = parts.stopping ? std::nullopt : next_piece(feed, *reader);
                           if (!text) {
                             sink.done();
                             return true;
                           }
                           return text->empty() || sink.write(text->data(), text->size());
                         },
                         [&parts](bool) { --parts.readers; });
                   });
}

void HttpServer::start() {
  parts_->thread = std::thread([&parts = *parts_] {
    parts.server.listen_after_bind();
    parts.ended = true;
  });
}

void HttpServer::stop() {
  parts_->stopping = true;
  // A server that is asked to stop before it listens would not hear it.
  while (parts_->thread.joinable() && !parts_->ended && !parts_->server.is_running())
    std::this_thread::yield();
  parts_->server.stop();
  if (parts_->thread.joinable()) parts_->thread.join();
}

const ListenPlace& HttpServer::place() const { return parts_->place; }
int HttpServer::readers() const { return parts_->readers; }

}  // namespace tilecompile
